package org.nbdrunner.rpc.internal;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** Records over TCP (RFC 5531, section 11), bounded in size, in fragments and in time. */
final class Records {
    private static final int LAST = 0x80000000;
    private static final int MAX_FRAGMENTS = 256;
    private static final int PROBE_MS = 1;

    /** No record began in time. */
    static final class IdleException extends SocketTimeoutException {
        private static final long serialVersionUID = 1;

        IdleException(SocketTimeoutException cause) {
            super("silent for too long");
            initCause(cause);
        }
    }

    private final Socket socket;
    private final InputStream in;
    private final int idleMs;
    private final int recordMs;

    /**
     * Over a socket.
     *
     * @param socket connected
     * @param idleMs how long to wait for a record
     * @param recordMs how long one may take from its first byte
     */
    Records(Socket socket, int idleMs, int recordMs) throws IOException {
        this.socket = socket;
        this.in = socket.getInputStream();
        this.idleMs = idleMs;
        this.recordMs = recordMs;
        socket.setTcpNoDelay(true);
    }

    /**
     * The next record.
     *
     * @param maxBytes that it may have
     * @return null if the stream ended before it
     */
    byte[] read(int maxBytes) throws IOException {
        socket.setSoTimeout(idleMs);
        int first;
        try {
            first = in.read();
        } catch (SocketTimeoutException e) {
            throw new IdleException(e);
        }
        if (first < 0) {
            return null;
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(recordMs);
        byte[] mark = {(byte) first, 0, 0, 0};
        fill(mark, 1, 4, deadline);
        byte[] record = {};
        for (int fragments = 1; ; fragments++) {
            int head = mark[0] << 24 | (mark[1] & 0xff) << 16 | (mark[2] & 0xff) << 8 | (mark[3] & 0xff);
            int length = head & ~LAST;
            if (length > maxBytes - record.length || fragments > MAX_FRAGMENTS) {
                throw new IOException("a record of over " + maxBytes + " bytes or " + MAX_FRAGMENTS + " fragments");
            }
            int end = record.length;
            record = Arrays.copyOf(record, end + length);
            fill(record, end, end + length, deadline);
            if ((head & LAST) != 0) {
                return record;
            }
            fill(mark, 0, 4, deadline);
        }
    }

    /** Whether the other side has neither closed the stream nor sent a thing, as it should before it is asked. */
    boolean isQuiet() {
        try {
            socket.setSoTimeout(PROBE_MS);
            in.read();
            return false;
        } catch (SocketTimeoutException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private void fill(byte[] into, int from, int to, long deadline) throws IOException {
        for (int at = from; at < to; ) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (left <= 0) {
                throw new SocketTimeoutException("a record took over " + recordMs + " ms");
            }
            socket.setSoTimeout((int) left);
            int n = in.read(into, at, to - at);
            if (n < 0) {
                throw new EOFException("the stream ended within a record");
            }
            at += n;
        }
    }

    void write(byte[] data, int length) throws IOException {
        byte[] record = new byte[length + 4];
        int head = LAST | length;
        for (int i = 0; i < 4; i++) {
            record[i] = (byte) (head >>> (24 - 8 * i));
        }
        System.arraycopy(data, 0, record, 4, length);
        socket.getOutputStream().write(record);
    }
}
