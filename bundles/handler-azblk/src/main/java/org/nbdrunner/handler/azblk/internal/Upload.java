package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Sends what lies in lent buffers. The client gets copies, made as it asks for them: an attempt that was given up may still be sending when
 * the buffers serve other requests already.
 */
final class Upload extends InputStream implements Transfer {
    private final long length;
    private final List<ByteBuffer> buffers;
    private int next;
    private boolean ended;

    /** Sends from position to limit of buffers, one after the other, and leaves both as they are. */
    Upload(List<ByteBuffer> lent) {
        buffers = lent.stream().map(ByteBuffer::duplicate).toList();
        length = buffers.stream().mapToLong(ByteBuffer::remaining).sum();
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public BodyPublisher publisher() {
        return BodyPublishers.fromPublisher(BodyPublishers.ofInputStream(() -> this), length);
    }

    @Override
    public BodyHandler<String> handler() {
        return BodyHandlers.ofString();
    }

    @Override
    public synchronized void end() {
        ended = true;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public synchronized int read(byte[] to, int offset, int count) throws IOException {
        if (ended) {
            throw new IOException("this attempt was given up");
        }
        int done = 0;
        while (done < count && next < buffers.size()) {
            ByteBuffer from = buffers.get(next);
            int n = Math.min(count - done, from.remaining());
            from.get(to, offset + done, n);
            done += n;
            if (!from.hasRemaining()) {
                next++;
            }
        }
        return done == 0 && count > 0 ? -1 : done;
    }
}
