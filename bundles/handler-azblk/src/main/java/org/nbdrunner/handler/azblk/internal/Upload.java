package org.nbdrunner.handler.azblk.internal;

import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * Sends what lies in lent buffers. The client gets copies, made as it asks for them: an attempt that was given up may still be sending when
 * the buffers serve other requests already.
 */
final class Upload implements Transfer, Iterator<byte[]> {
    private static final int LARGEST_COPY = 1 << 16;

    private final List<ByteBuffer> buffers;
    private final long length;
    private long left;
    private int next;
    private boolean ended;

    /** Sends from position to limit of buffers, one after the other, and leaves both as they are. */
    Upload(List<ByteBuffer> lent) {
        buffers = lent.stream().map(ByteBuffer::duplicate).toList();
        length = buffers.stream().mapToLong(ByteBuffer::remaining).sum();
        left = length;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public BodyPublisher publisher() {
        return BodyPublishers.fromPublisher(BodyPublishers.ofByteArrays(() -> this), length);
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
    public synchronized boolean hasNext() {
        return left > 0;
    }

    @Override
    public synchronized byte[] next() {
        if (left == 0) {
            throw new NoSuchElementException();
        }
        if (ended) {
            throw new IllegalStateException("this attempt was given up");
        }
        byte[] copy = new byte[(int) Math.min(left, LARGEST_COPY)];
        for (int done = 0; done < copy.length; ) {
            ByteBuffer from = buffers.get(next);
            int n = Math.min(copy.length - done, from.remaining());
            from.get(copy, done, n);
            done += n;
            if (!from.hasRemaining()) {
                next++;
            }
        }
        left -= copy.length;
        return copy;
    }
}
