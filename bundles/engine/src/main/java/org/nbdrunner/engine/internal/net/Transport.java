package org.nbdrunner.engine.internal.net;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A byte stream to one client. One thread reads and one writes at a time; any thread may close.
 *
 * <p>Buffers are direct.
 */
public interface Transport extends AutoCloseable {

    /**
     * Reads what is there, waiting for at least one byte.
     *
     * @param into filled from its position
     * @return bytes read; -1 at the end of the stream
     * @throws IOException if the connection broke or was closed
     */
    int read(ByteBuffer into) throws IOException;

    /**
     * Reads what is there into two buffers, waiting for at least one byte.
     *
     * @param first filled first; has room
     * @param second filled when the first is full
     * @return bytes read; -1 at the end of the stream
     * @throws IOException if the connection broke or was closed
     */
    long read(ByteBuffer first, ByteBuffer second) throws IOException;

    /**
     * Tells whether a read would have to wait. For the reader.
     *
     * @return bytes that are there, or some of them; negative if that cannot be told
     */
    default int available() {
        return -1;
    }

    /**
     * Writes all of some buffers.
     *
     * @param from the buffers
     * @param count how many of them
     * @throws IOException if the connection broke or was closed
     */
    void write(ByteBuffer[] from, int count) throws IOException;

    /** Makes the reader see the end of the stream; what was read before is not lost, and writing goes on. */
    void stopReading();

    /** Ends what is written, in order, so that the client sees all of it. */
    void stopWriting();

    /** Closes at once. A thread that reads or writes gets an exception. */
    @Override
    void close();

    /**
     * Who is at the other end.
     *
     * @return for logs
     */
    String peer();
}
