package org.nbdrunner.engine.internal.handshake;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLEngine;
import org.nbdrunner.engine.internal.memory.Chunk;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Receiver;
import org.nbdrunner.engine.internal.net.Transport;
import org.nbdrunner.engine.internal.tls.TlsTransport;

/** A connection during its handshake: messages in, and out. For the connection's thread alone. */
public final class Wire implements AutoCloseable {
    /** More than any message has bytes: an export's name and description are the longest. */
    private static final int LONGEST = 1 << 14;

    private final ChunkPool pool;
    private final Receiver receiver;
    private Transport transport;
    private final Chunk out;
    private final ByteBuffer[] one = new ByteBuffer[1];

    /**
     * Over a transport.
     *
     * @param pool lends what is needed
     * @param receiver receives from the transport
     * @param transport the connection
     */
    public Wire(ChunkPool pool, Receiver receiver, Transport transport) {
        this.pool = pool;
        this.receiver = receiver;
        this.transport = transport;
        out = pool.take(LONGEST);
    }

    /**
     * Waits for a message's next bytes.
     *
     * @param n how many
     * @return a buffer with at least so many; what is used must be taken by moving its position
     * @throws EOFException if the stream ended
     * @throws IOException if the connection broke
     */
    ByteBuffer need(int n) throws IOException {
        if (!receiver.fill(n)) {
            throw new EOFException("the client left during the handshake");
        }
        return receiver.in();
    }

    void skip(long n) throws IOException {
        receiver.skip(n);
    }

    /** A buffer for what is to be said; {@link #send} says it. */
    ByteBuffer out() {
        return out.buffer();
    }

    void send() throws IOException {
        one[0] = out.buffer().flip();
        transport.write(one, 1);
        out.buffer().clear();
    }

    /** Whether more has been received than was asked for. */
    boolean hasMore() {
        return receiver.has(1);
    }

    /** Goes on encrypted, as the server's side of TLS. */
    void encrypt(SSLEngine engine) throws IOException {
        TlsTransport encrypted = new TlsTransport(transport, engine, pool);
        transport = encrypted;
        receiver.exchange(encrypted);
        encrypted.handshake();
    }

    /**
     * What carries the connection now.
     *
     * @return the transport, perhaps another one than in the beginning
     */
    public Transport transport() {
        return transport;
    }

    String peer() {
        return transport.peer();
    }

    /** Gives back what was lent. */
    @Override
    public void close() {
        pool.put(out);
    }
}
