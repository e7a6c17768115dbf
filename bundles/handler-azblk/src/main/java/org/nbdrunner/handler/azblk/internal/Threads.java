package org.nbdrunner.handler.azblk.internal;

import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The threads of the HTTP client. It hands work over to other threads often, and a small call takes less time than to wake them: what the
 * thread of a request, or one of these, hands over, it does itself. That leaves the thread that watches the sockets, which must not be held up.
 *
 * <p>Threads end when they are idle, so nothing has to be stopped: volumes may outlive their handler for a while.
 */
final class Threads implements Executor {
    private static final long IDLE_S = 10;

    private final ThreadLocal<Boolean> busy = ThreadLocal.withInitial(() -> false);
    private final ThreadPoolExecutor pool;

    Threads(ThreadFactory factory) {
        pool = new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, IDLE_S, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
    }

    @Override
    public void execute(Runnable task) {
        if (busy.get()) {
            task.run();
        } else {
            pool.execute(() -> runHere(task));
        }
    }

    /** Runs something that hands over to this thread. */
    void runHere(Runnable task) {
        if (busy.get()) {
            task.run();
            return;
        }
        busy.set(true);
        try {
            task.run();
        } finally {
            busy.remove();
        }
    }
}
