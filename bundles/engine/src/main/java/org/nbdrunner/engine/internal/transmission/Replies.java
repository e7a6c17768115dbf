package org.nbdrunner.engine.internal.transmission;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.engine.internal.net.Transport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers what has completed and writes it, many replies at a time.
 *
 * <p>What the reader completes itself waits until the reader flushes, before it blocks. What other threads complete is written by a
 * thread of its own, which is started when it is first needed: a completing thread belongs to a handler and must not wait for a client
 * that does not read.
 *
 * <pre>
 * reader ── completed ──► inline ──┐
 *                                  ├─► write lock ─► one gathering write ─► recycled ─► reader
 * others ── completed ──► queue ───┘
 * </pre>
 */
final class Replies {
    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);
    private static final int PIECES = 64;
    private static final int FEW = 8;
    private static final Request[] NONE = {};

    private final Transport transport;
    private final OpenExport export;
    private final Runnable written;
    private final Thread reader = Thread.currentThread();
    private final ReentrantLock writing = new ReentrantLock();

    /** Completed by other threads and not written yet, newest first. */
    private final AtomicReference<Request> queue = new AtomicReference<>();

    /** Written by the writer thread and not taken back by the reader yet, newest first. */
    private final AtomicReference<Request> recycled = new AtomicReference<>();

    private Request[] inline = new Request[FEW];
    private int inlineCount;
    private long inlineBytes;

    /** What is being written; guarded by the lock. */
    private Request[] batch = NONE;

    private ByteBuffer[] pieces = new ByteBuffer[FEW];

    private volatile Thread writer;
    private volatile boolean readerWaits;
    private volatile boolean broken;
    private volatile boolean closed;
    private volatile boolean failureLogged;

    /**
     * Made by the reader.
     *
     * @param written run by the writer thread when it has written something
     */
    Replies(Transport transport, OpenExport export, Runnable written) {
        this.written = written;
        this.transport = transport;
        this.export = export;
    }

    /** A request has completed and its reply is encoded. Called by any thread, once for each request. */
    void completed(Request request) {
        if (request.taken) {
            export.completed();
        }
        if (Thread.currentThread() == reader) {
            if (inlineCount == inline.length) {
                inline = Arrays.copyOf(inline, inlineCount * 2);
            }
            inline[inlineCount++] = request;
            inlineBytes += request.pending();
        } else if (push(queue, request) == null) {
            wakeWriter();
        }
    }

    /** A volume failed a request: worth a line, but not one for each request. */
    void failed(Request request, Errno error, String message) {
        if (request.taken && !failureLogged) {
            failureLogged = true;
            LOG.warn(
                    "{}: {} failed: {} ({}); further failures on this connection are logged at debug level",
                    export.name(),
                    request,
                    message,
                    error);
        } else {
            LOG.debug("{}: {} failed: {} ({})", export.name(), request, message, error);
        }
    }

    /** A volume took too long for a request, of which the client is told now; the volume still has it. */
    void overdue(Request request) {
        LOG.error(
                "{}: its handler has not completed {} in time; the client is told that it failed",
                export.name(),
                request);
        if (push(queue, request) == null) {
            wakeWriter();
        }
    }

    /** A volume completed a request that was given up. */
    void completedLate(Request request) {
        LOG.warn("{}: its handler completed {} after all, too late", export.name(), request);
        export.completed();
    }

    /** A volume completed a request that was not in flight any more. */
    void completedTwice(Request request) {
        LOG.error("{}: its handler completed a request twice ({}); the second time is ignored", export.name(), request);
    }

    private static Request push(AtomicReference<Request> list, Request request) {
        Request head;
        do {
            head = list.get();
            request.next = head;
        } while (!list.compareAndSet(head, request));
        return head;
    }

    private void wakeWriter() {
        Thread w = writer;
        if (w == null) {
            synchronized (this) {
                w = writer;
                if (w == null) {
                    w = new Thread(this::writeQueue, reader.getName() + "-writer");
                    w.setDaemon(true);
                    writer = w;
                    w.start();
                }
            }
        }
        LockSupport.unpark(w);
    }

    private void writeQueue() {
        while (!closed) {
            if (queue.get() == null) {
                LockSupport.park(this);
                continue;
            }
            writing.lock();
            try {
                writeQueued();
            } finally {
                writing.unlock();
            }
            if (readerWaits) {
                LockSupport.unpark(reader);
            } else {
                written.run();
            }
        }
    }

    /** Whether nothing more can be sent. Any thread. */
    boolean isBroken() {
        return broken;
    }

    /** Bytes that a flush would write at least. Reader only. */
    long pending() {
        return inlineBytes;
    }

    /**
     * Writes what has completed. Reader only.
     *
     * @param returned told of each request that was written by this call
     */
    void flush(Transmission returned) {
        if (inlineCount == 0 && queue.get() == null) {
            return;
        }
        writing.lock();
        try {
            write(inline, inlineCount);
            for (int i = 0; i < inlineCount; i++) {
                returned.release(inline[i]);
                inline[i] = null;
            }
            inlineCount = 0;
            inlineBytes = 0;
            writeQueued();
        } finally {
            writing.unlock();
        }
        returned.reclaim();
    }

    private void writeQueued() {
        Request newest = queue.getAndSet(null);
        int n = 0;
        for (Request r = newest; r != null; r = r.next) {
            n++;
        }
        if (n == 0) {
            return;
        }
        if (n > batch.length) {
            batch = new Request[Math.max(Math.max(n, FEW), batch.length * 2)];
        }
        int i = n;
        for (Request r = newest; r != null; r = r.next) {
            batch[--i] = r;
        }
        write(batch, n);
        for (int k = 0; k < n; k++) {
            push(recycled, batch[k]);
            batch[k] = null;
        }
    }

    private void write(Request[] requests, int count) {
        int i = 0;
        while (i < count && !broken) {
            int n = 0;
            while (i < count && n < PIECES) {
                if (n == pieces.length) {
                    pieces = Arrays.copyOf(pieces, PIECES);
                }
                Request first = requests[i++];
                ByteBuffer piece = first.wire();
                Request last = first;
                while (i < count && requests[i].follows(last)) {
                    last = requests[i++];
                }
                if (last != first) {
                    piece.limit(last.replyEnd());
                }
                pieces[n++] = piece;
            }
            try {
                transport.write(pieces, n);
            } catch (IOException e) {
                LOG.debug("{}: {} is gone: {}", export.name(), transport.peer(), e.toString());
                abandon();
            }
            Arrays.fill(pieces, 0, n, null);
        }
    }

    /** Whether the writer has written requests that were not taken back. Any thread. */
    boolean hasRecycled() {
        return recycled.get() != null;
    }

    /** Takes the list of requests that the writer has written. The reader, or the writer in its stead. */
    Request takeRecycled() {
        return recycled.get() == null ? null : recycled.getAndSet(null);
    }

    /** Waits until the writer has written something, or the thread is interrupted. Reader only. */
    void awaitRecycled() {
        readerWaits = true;
        if (recycled.get() == null) {
            LockSupport.park(this);
        }
        readerWaits = false;
    }

    /** Gives up what the last burst has left. While the reader waits for bytes, and nothing is in flight. */
    void trim() {
        if (inline.length > FEW) {
            inline = new Request[FEW];
        }
        if ((batch.length > 0 || pieces.length > FEW) && writing.tryLock()) {
            try {
                batch = NONE;
                pieces = new ByteBuffer[FEW];
            } finally {
                writing.unlock();
            }
        }
    }

    /** Nothing more is sent; what completes is dropped. Any thread. */
    void abandon() {
        broken = true;
        transport.close();
    }

    /** Ends the writer thread. Reader only, when nothing is in flight. */
    void close() {
        closed = true;
        Thread w = writer;
        if (w != null) {
            LockSupport.unpark(w);
        }
    }
}
