package org.nbdrunner.handler.gluster.internal;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Calls of a volume that may wait for its storage, and for ever if that hangs: each runs on a thread of its own, and its caller waits no
 * longer than a limit. For use by any thread.
 */
final class Calls {
    /** More than these wait for one of them to end; a volume that hangs does not take all threads there are. */
    private static final int THREADS = 8;

    private static final long IDLE_S = 5;

    private final String name;
    private final Duration limit;
    private final Runnable begun;
    private final Runnable ended;
    private final ThreadPoolExecutor threads;

    /**
     * No calls yet.
     *
     * @param name of the volume, for threads and messages
     * @param limit of each call
     * @param begun run before each call, by its caller
     * @param ended run after each call, however late that is
     */
    Calls(String name, Duration limit, Runnable begun, Runnable ended) {
        this.name = name;
        this.limit = limit;
        this.begun = begun;
        this.ended = ended;
        threads = new ThreadPoolExecutor(
                THREADS, THREADS, IDLE_S, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread t = new Thread(task, "gluster " + name);
                    t.setDaemon(true);
                    return t;
                });
        threads.allowCoreThreadTimeOut(true);
    }

    /**
     * Makes a call.
     *
     * @param what it does, for the message if it does not end
     * @param call returns its result
     * @return that
     * @throws StorageException {@link Errno#ETIMEDOUT} if it has not ended in time; if it has not begun either, it never will
     */
    <T> T call(String what, Supplier<T> call) throws StorageException {
        return call(what, call, late -> {});
    }

    /**
     * Makes a call that is made even if nobody waits for it any more.
     *
     * @param what it does, for the message if it does not end
     * @param call returns its result
     * @return that
     * @throws StorageException {@link Errno#ETIMEDOUT} if it has not ended in time
     */
    <T> T insist(String what, Supplier<T> call) throws StorageException {
        return call(what, call, late -> {}, true);
    }

    /**
     * Makes a call whose result must not be lost.
     *
     * @param what it does, for the message if it does not end
     * @param call returns its result
     * @param late takes the result when the caller does not wait for it any more
     * @return the result
     * @throws StorageException {@link Errno#ETIMEDOUT} if it has not ended in time; if it has not begun either, it never will
     */
    <T> T call(String what, Supplier<T> call, Consumer<T> late) throws StorageException {
        return call(what, call, late, false);
    }

    private <T> T call(String what, Supplier<T> call, Consumer<T> late, boolean insist) throws StorageException {
        CompletableFuture<T> result = new CompletableFuture<>();
        run(() -> {
            if (result.isDone() && !insist) {
                return;
            }
            try {
                T value = call.get();
                if (!result.complete(value)) {
                    late.accept(value);
                }
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        });
        try {
            return result.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return unless(
                    result,
                    new StorageException(
                            Errno.ETIMEDOUT,
                            "cannot " + what + ": volume " + name + " has not answered within " + limit.toSeconds()
                                    + " s",
                            e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return unless(result, new StorageException(Errno.EAGAIN, "cannot " + what + ": interrupted", e));
        } catch (ExecutionException e) {
            throw new StorageException(Errno.EIO, "cannot " + what + ": " + Errno.describe(e.getCause()), e.getCause());
        }
    }

    /** Fails, unless the result has come just in time. */
    private static <T> T unless(CompletableFuture<T> result, StorageException e) throws StorageException {
        if (result.completeExceptionally(e) || result.isCompletedExceptionally()) {
            throw e;
        }
        return result.join();
    }

    /**
     * Runs something that nobody waits for.
     *
     * @param task it
     */
    void run(Runnable task) {
        begun.run();
        threads.execute(() -> {
            try {
                task.run();
            } finally {
                ended.run();
            }
        });
    }
}
