package org.nbdrunner.netlink.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nbdrunner.api.handler.StorageException;

/** A netlink socket. */
public final class NetlinkSocket implements NetlinkTransport {
    /** Room for the status of many thousands of devices. */
    private static final int MAX_DATAGRAM = 1 << 20;

    private final NativeSocket socket;

    private NetlinkSocket(NativeSocket socket) {
        this.socket = socket;
    }

    /**
     * Opens a generic-netlink socket to the kernel.
     *
     * @return the caller closes it
     * @throws StorageException if the system has none to give
     */
    public static NetlinkSocket open() throws StorageException {
        NativeSocket socket = NativeSocket.open(
                Netlink.AF_NETLINK, NativeSocket.SOCK_RAW, Netlink.NETLINK_GENERIC, "the kernel's netlink");
        try {
            socket.setOption(Netlink.SOL_NETLINK, Netlink.NETLINK_CAP_ACK, 1);
            socket.setOption(Netlink.SOL_NETLINK, Netlink.NETLINK_EXT_ACK, 1);
            // Connected to port 0, which is the kernel, it takes nothing from other processes.
            ByteBuffer kernel = ByteBuffer.allocate(12).order(ByteOrder.nativeOrder());
            socket.connect(kernel.putShort(0, (short) Netlink.AF_NETLINK), Deadline.in(GenericNetlink.PATIENCE));
            return new NetlinkSocket(socket);
        } catch (StorageException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    @Override
    public void send(ByteBuffer datagram, Deadline deadline) throws StorageException {
        socket.sendDatagram(datagram, deadline);
    }

    @Override
    public ByteBuffer receive(Deadline deadline) throws StorageException {
        return socket.receiveDatagram(MAX_DATAGRAM, deadline);
    }

    @Override
    public void join(int group) throws StorageException {
        socket.setOption(Netlink.SOL_NETLINK, Netlink.NETLINK_ADD_MEMBERSHIP, group);
    }

    @Override
    public void close() {
        socket.close();
    }
}
