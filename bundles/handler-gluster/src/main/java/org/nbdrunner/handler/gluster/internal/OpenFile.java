package org.nbdrunner.handler.gluster.internal;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * A file that is open. Closed in GlusterFS only when nothing uses it any more: what is in flight then would never end. For use by any
 * thread.
 */
final class OpenFile {
    private static final int CLOSING = Integer.MIN_VALUE;

    private final Connection connection;
    private final long fd;
    private final String name;

    /** How many uses there are; with {@link #CLOSING} added, there are to be no more. */
    private final AtomicInteger uses = new AtomicInteger();

    private final CompletableFuture<Void> drained = new CompletableFuture<>();

    /**
     * An open file.
     *
     * @param connection released with it
     * @param fd GlusterFS's handle of it
     * @param name for messages
     */
    OpenFile(Connection connection, long fd, String name) {
        this.connection = connection;
        this.fd = fd;
        this.name = name;
    }

    Gfapi gfapi() {
        return connection.gfapi();
    }

    Calls calls() {
        return connection.calls();
    }

    /** GlusterFS's handle; for use between {@link #begin} and {@link #end}. */
    long fd() {
        return fd;
    }

    String name() {
        return name;
    }

    /** The space of its volume; waits for that. */
    Gfapi.Space space() {
        return gfapi().space(connection.fs());
    }

    /** Begins a use. */
    boolean begin() {
        if (uses.incrementAndGet() < 0) {
            end();
            return false;
        }
        return true;
    }

    /** Ends a use. */
    void end() {
        if (uses.decrementAndGet() == CLOSING) {
            drained.complete(null);
        }
    }

    StorageException failure(long error, String what) {
        return Failures.of(gfapi(), error, what + " " + name);
    }

    /**
     * Closes it once.
     *
     * @param patience how long this waits for what uses it; after that it is closed when they end, without anybody waiting
     * @throws StorageException if something was lost, or is not certain
     */
    void close(Duration patience) throws StorageException {
        if (uses.getAndAdd(CLOSING) == 0) {
            drained.complete(null);
        }
        try {
            drained.get(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            closeLater();
            throw new StorageException(
                    Errno.ETIMEDOUT, name + " is closed later: GlusterFS has not ended what is in flight", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            closeLater();
            return;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e); // it never fails
        }
        int r = calls().insist("close " + name, this::closeNow);
        if (r < 0) {
            throw failure(r, "close");
        }
    }

    private void closeLater() {
        CompletableFuture<Void> ignored = drained.thenRun(() -> calls().run(this::closeNow));
    }

    private int closeNow() {
        try {
            return gfapi().close(fd);
        } finally {
            connection.release();
        }
    }
}
