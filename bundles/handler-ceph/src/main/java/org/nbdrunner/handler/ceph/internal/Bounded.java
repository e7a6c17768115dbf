package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls that may never return: librados waits for a lost cluster for ever. Each is made on a thread of its own; who needs the result
 * waits for a bounded time. A result that comes too late is thrown away.
 */
final class Bounded {
    private static final Logger LOG = LoggerFactory.getLogger(Bounded.class);

    private Bounded() {}

    /** Work with a result. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException;
    }

    /** What is done with a result that nobody waits for any more. */
    @FunctionalInterface
    interface Disposal<T> {
        void dispose(T result) throws IOException;
    }

    /**
     * Makes a call.
     *
     * @param what for messages: "open rbd/a"
     * @param limit how long to wait
     * @param work the call
     * @param late disposes of its result if that comes too late
     * @return its result
     * @throws IOException what the call threw; {@link Errno#ETIMEDOUT} if it takes too long
     */
    static <T> T call(String what, Duration limit, Work<T> work, Disposal<T> late) throws IOException {
        long begun = System.nanoTime();
        return call(what, limit, () -> begun, work, late);
    }

    /**
     * Makes a call that gives signs of life.
     *
     * @param what for messages: "open rbd/a"
     * @param limit how long to wait from one sign to the next
     * @param sign when the last was, of {@link System#nanoTime}
     * @param work the call
     * @param late disposes of its result if that comes too late
     * @return its result
     * @throws IOException what the call threw; {@link Errno#ETIMEDOUT} if it takes too long
     */
    static <T> T call(String what, Duration limit, LongSupplier sign, Work<T> work, Disposal<T> late)
            throws IOException {
        CompletableFuture<T> result = new CompletableFuture<>();
        start("ceph " + what, () -> {
            try {
                T done = work.run();
                if (!result.complete(done)) {
                    LOG.info("Could {} after all, too late", what);
                    late.dispose(done);
                }
            } catch (IOException | RuntimeException | LinkageError | OutOfMemoryError e) {
                if (!result.completeExceptionally(e)) {
                    LOG.debug("Could not {} in the end", what, e);
                }
            }
        });
        try {
            while (true) {
                long left = limit.toNanos() - (System.nanoTime() - sign.getAsLong());
                try {
                    return result.get(Math.max(0, left), TimeUnit.NANOSECONDS);
                } catch (TimeoutException e) {
                    if (System.nanoTime() - sign.getAsLong() < limit.toNanos()) {
                        continue;
                    }
                    giveUp(
                            result,
                            new StorageException(
                                    Errno.ETIMEDOUT,
                                    "cannot " + what + ": the cluster has not answered within " + limit.toSeconds()
                                            + " s",
                                    e));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            StorageException failure = new StorageException(Errno.EAGAIN, "interrupted while trying to " + what, e);
            if (result.completeExceptionally(failure) || result.isCompletedExceptionally()) {
                throw failure;
            }
            return result.join();
        } catch (ExecutionException e) {
            throw thrown(e, what);
        }
    }

    /** Throws, unless the call ended at the last moment. */
    private static void giveUp(CompletableFuture<?> result, StorageException failure) throws StorageException {
        if (result.completeExceptionally(failure)) {
            throw failure;
        }
    }

    private static IOException thrown(Exception e, String what) {
        Throwable cause = e.getCause();
        if (cause instanceof StorageException s) {
            return new StorageException(s.errno(), s.getMessage(), s);
        }
        return new StorageException(Errno.of(cause), "cannot " + what + ": " + Errno.describe(cause), cause);
    }

    /** Starts a daemon thread. */
    static Thread start(String name, Runnable task) {
        Thread t = new Thread(task, name);
        t.setDaemon(true);
        t.start();
        return t;
    }
}
