package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Two streams of bytes, one each way, with bounded waiting. */
public interface ByteStream {

    /**
     * Writes all of a buffer.
     *
     * @param bytes what to write
     * @param deadline when to give up
     * @throws IOException if it cannot be written in time
     */
    void write(ByteBuffer bytes, Deadline deadline) throws IOException;

    /**
     * Reads until a buffer is full, and no byte more.
     *
     * @param bytes what to fill
     * @param deadline when to give up
     * @throws IOException if the stream ends before, or the bytes do not come in time
     */
    void readFully(ByteBuffer bytes, Deadline deadline) throws IOException;
}
