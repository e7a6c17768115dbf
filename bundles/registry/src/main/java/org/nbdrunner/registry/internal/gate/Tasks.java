package org.nbdrunner.registry.internal.gate;

import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what must not hold up anyone else. Each task has a thread of its own, for any of them may be stuck in a handler
 * for ever; they are few and rare. Daemons, so that none keeps the process alive.
 */
public final class Tasks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Tasks.class);

    private final ScheduledThreadPoolExecutor timer;

    /** Ready to run. */
    public Tasks() {
        timer = new ScheduledThreadPoolExecutor(1, task -> thread("registry-timer", task));
        timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        timer.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    }

    private static Thread thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Runs a task now.
     *
     * @param name of its thread
     * @param task what to do; an exception is logged
     */
    public void run(String name, Runnable task) {
        thread(name, () -> {
                    try {
                        task.run();
                    } catch (RuntimeException | Error e) {
                        LOG.error("{} failed", name, e);
                    }
                })
                .start();
    }

    /**
     * Runs a task later, unless this is closed before.
     *
     * @param delay when
     * @param name of its thread
     * @param task what to do; an exception is logged
     */
    @SuppressWarnings("FutureReturnValueIgnored") // the thread that it starts logs what goes wrong
    public void later(Duration delay, String name, Runnable task) {
        timer.schedule(() -> run(name, task), delay.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Drops what was to run later; what runs goes on. */
    @Override
    public void close() {
        timer.shutdown();
    }
}
