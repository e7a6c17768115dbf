package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.nbdrunner.api.handler.Errno;

/** What carries netlink's datagrams to the kernel and back. For one thread at a time. */
public interface NetlinkTransport extends Closeable {

    /** Opens a transport. */
    @FunctionalInterface
    interface Opener {

        /**
         * Opens a transport.
         *
         * @return the caller closes it
         * @throws IOException if there is none
         */
        NetlinkTransport open() throws IOException;
    }

    /**
     * Sends a datagram.
     *
     * @param datagram all of it
     * @param deadline when to give up
     * @throws IOException if it cannot be sent
     */
    void send(ByteBuffer datagram, Deadline deadline) throws IOException;

    /**
     * Receives a datagram.
     *
     * @param deadline when to give up
     * @return all of it
     * @throws IOException {@link Errno#ETIMEDOUT} if none came in time
     */
    ByteBuffer receive(Deadline deadline) throws IOException;

    /**
     * Also receives what the kernel sends to a group.
     *
     * @param group the group's number
     * @throws IOException if the kernel does not allow that
     */
    void join(int group) throws IOException;
}
