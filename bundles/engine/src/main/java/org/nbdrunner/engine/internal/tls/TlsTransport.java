package org.nbdrunner.engine.internal.tls;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.nbdrunner.engine.internal.memory.Chunk;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Transport;

/**
 * TLS over another transport. Records are gathered: many of them go out in one write, and one read brings many.
 *
 * <pre>
 * reader ◄─ unwrap ◄─ cipherIn ◄─┐
 *                                ├─ the transport below
 * writer ──► wrap ──► cipherOut ─┘
 * </pre>
 */
public final class TlsTransport implements Transport {
    private final Transport below;
    private final SSLEngine engine;
    private final ChunkPool pool;
    private final ByteBuffer cipherIn;
    private final ReentrantLock writing = new ReentrantLock();
    private final ByteBuffer[] one = new ByteBuffer[1];
    private final ByteBuffer[] sent = new ByteBuffer[1];
    private final ByteBuffer nothing = ByteBuffer.allocate(0);

    /** Plain text that did not fit where it was wanted; empty most of the time. */
    private final ByteBuffer plainIn;

    private boolean ended;

    /**
     * TLS as the server; {@link #handshake} comes first.
     *
     * @param below carries the records
     * @param engine of this connection alone
     * @param pool lends buffers
     */
    public TlsTransport(Transport below, SSLEngine engine, ChunkPool pool) {
        this.below = below;
        this.engine = engine;
        this.pool = pool;
        // On the heap, where ciphers work without copying.
        cipherIn = ByteBuffer.allocate(2 * engine.getSession().getPacketBufferSize())
                .limit(0);
        // Room for a record of any length behind many short ones: each request may come in a record of its own.
        plainIn = ByteBuffer.allocate(2 * engine.getSession().getApplicationBufferSize())
                .limit(0);
    }

    /**
     * Performs TLS's handshake.
     *
     * @throws IOException if the client cannot be agreed with, is not who it should be, or left
     */
    public void handshake() throws IOException {
        engine.beginHandshake();
        for (; ; ) {
            switch (engine.getHandshakeStatus()) {
                case NEED_WRAP -> wrapNothing();
                case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                    plainIn.clear();
                    try {
                        if (unwrapSome(plainIn) < 0) {
                            throw new SSLException("the client left during the TLS handshake");
                        }
                    } finally {
                        plainIn.flip();
                    }
                }
                case NEED_TASK -> runTasks();
                case FINISHED, NOT_HANDSHAKING -> {
                    return;
                }
            }
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private void wrapNothing() throws IOException {
        one[0] = nothing;
        writing.lock();
        try {
            wrapAll(one, 1);
        } finally {
            writing.unlock();
        }
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        if (plainIn.hasRemaining()) {
            return move(into);
        }
        if (ended) {
            return -1;
        }
        if (into.remaining() >= engine.getSession().getApplicationBufferSize()) {
            return readRecords(into);
        }
        plainIn.clear();
        int n;
        try {
            n = readRecords(plainIn);
        } finally {
            plainIn.flip();
        }
        return n < 0 ? n : move(into);
    }

    private int move(ByteBuffer into) {
        int n = Math.min(into.remaining(), plainIn.remaining());
        int limit = plainIn.limit();
        plainIn.limit(plainIn.position() + n);
        into.put(plainIn);
        plainIn.limit(limit);
        return n;
    }

    /** Unwraps at least one byte, and as many of the records at hand as fit. */
    private int readRecords(ByteBuffer into) throws IOException {
        int got = 0;
        while (got == 0
                || (cipherIn.hasRemaining()
                        && into.remaining() >= engine.getSession().getApplicationBufferSize())) {
            if (got > 0 && !wholeRecord()) {
                break;
            }
            int n = unwrapSome(into);
            if (n < 0) {
                ended = true;
                return got > 0 ? got : -1;
            }
            got += n;
            afterUnwrap();
        }
        return got;
    }

    /** Whether the next record has come whole, so that unwrapping it needs no read: RFC 8446, 5.1, has its length in bytes 3 and 4. */
    private boolean wholeRecord() {
        return cipherIn.remaining() >= 5
                && cipherIn.remaining() >= 5 + (cipherIn.getShort(cipherIn.position() + 3) & 0xffff);
    }

    /** Key updates and the like want an answer in between. */
    private void afterUnwrap() throws IOException {
        HandshakeStatus status = engine.getHandshakeStatus();
        if (status != HandshakeStatus.NOT_HANDSHAKING
                && !engine.getSession().getProtocol().equals("TLSv1.3")) {
            throw new SSLException("the client begins another handshake, which is not done here");
        }
        if (status == HandshakeStatus.NEED_TASK) {
            runTasks();
        } else if (status == HandshakeStatus.NEED_WRAP) {
            wrapNothing();
        }
    }

    /** Unwraps one record; bytes of plain text, perhaps none, or -1 at the end. */
    private int unwrapSome(ByteBuffer into) throws IOException {
        for (; ; ) {
            SSLEngineResult result = engine.unwrap(cipherIn, into);
            switch (result.getStatus()) {
                case OK -> {
                    return result.bytesProduced();
                }
                case CLOSED -> {
                    return -1;
                }
                case BUFFER_OVERFLOW -> throw new SSLException("a TLS record is longer than records may be");
                case BUFFER_UNDERFLOW -> {
                    if (cipherIn.capacity() - cipherIn.limit() < cipherIn.capacity() / 2) {
                        cipherIn.compact().flip();
                    }
                    int start = cipherIn.position();
                    int end = cipherIn.limit();
                    cipherIn.limit(cipherIn.capacity()).position(end);
                    int n;
                    try {
                        n = below.read(cipherIn);
                    } finally {
                        cipherIn.limit(cipherIn.position()).position(start);
                    }
                    if (n < 0) {
                        return -1;
                    }
                }
            }
        }
    }

    @Override
    public long read(ByteBuffer first, ByteBuffer second) throws IOException {
        return read(first.hasRemaining() ? first : second);
    }

    @Override
    public int available() {
        if (plainIn.hasRemaining()) {
            return plainIn.remaining();
        }
        return wholeRecord() ? 1 : below.available();
    }

    @Override
    public void write(ByteBuffer[] from, int count) throws IOException {
        writing.lock();
        try {
            wrapAll(from, count);
        } finally {
            writing.unlock();
        }
    }

    private void wrapAll(ByteBuffer[] from, int count) throws IOException {
        Chunk chunk = pool.take(ChunkPool.LARGE);
        try {
            ByteBuffer out = chunk.buffer();
            int first = 0;
            boolean once = true;
            while (once || first < count) {
                once = false;
                SSLEngineResult result = engine.wrap(from, first, count - first, out);
                switch (result.getStatus()) {
                    case OK -> {}
                    case CLOSED -> throw new SSLException("the TLS connection is closed");
                    case BUFFER_OVERFLOW -> once = true;
                    case BUFFER_UNDERFLOW -> throw new SSLException("TLS has nothing to wrap");
                }
                while (first < count && !from[first].hasRemaining()) {
                    first++;
                }
                if (once
                        || first == count
                        || out.remaining() < engine.getSession().getPacketBufferSize()) {
                    send(out);
                }
            }
        } finally {
            pool.put(chunk);
        }
    }

    private void send(ByteBuffer out) throws IOException {
        sent[0] = out.flip();
        below.write(sent, 1);
        out.clear();
    }

    @Override
    public void stopReading() {
        below.stopReading();
    }

    @Override
    public void stopWriting() {
        engine.closeOutbound();
        writing.lock();
        try {
            Chunk chunk = pool.take(ChunkPool.LARGE);
            try {
                ByteBuffer out = chunk.buffer();
                engine.wrap(nothing, out);
                send(out);
            } finally {
                pool.put(chunk);
            }
        } catch (IOException e) {
            below.close(); // the client has gone without waiting for a goodbye
        } finally {
            writing.unlock();
        }
        below.stopWriting();
    }

    @Override
    public void close() {
        below.close();
    }

    @Override
    public String peer() {
        return below.peer();
    }
}
