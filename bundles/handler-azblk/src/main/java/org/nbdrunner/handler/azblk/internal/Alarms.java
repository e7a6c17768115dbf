package org.nbdrunner.handler.azblk.internal;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Cancels what takes too long. A timer for each would be woken for each: this one looks at all of them a few times a second, while there are
 * any. For use by any thread.
 */
final class Alarms {
    private static final long PERIOD_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final ScheduledExecutorService timer;
    private final Set<Alarm> set = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean looking = new AtomicBoolean();

    Alarms(ScheduledExecutorService timer) {
        this.timer = timer;
    }

    /** What is not to take too long. */
    static final class Alarm {
        private final Future<?> what;
        private final long end;

        private Alarm(Future<?> what, long end) {
            this.what = what;
            this.end = end;
        }
    }

    /**
     * Sets an alarm.
     *
     * @param what is cancelled when its time is over, or a moment before
     * @throws RejectedExecutionException if there is no timer any more
     */
    Alarm set(Future<?> what, Duration limit) {
        Alarm alarm = new Alarm(what, System.nanoTime() + limit.toNanos());
        set.add(alarm);
        lookLater();
        return alarm;
    }

    /** It has ended. */
    void clear(Alarm alarm) {
        set.remove(alarm);
    }

    private void lookLater() {
        if (!looking.get() && looking.compareAndSet(false, true)) {
            schedule();
        }
    }

    private void schedule() {
        var unused = timer.schedule(this::look, PERIOD_NS, TimeUnit.NANOSECONDS);
    }

    private void look() {
        long next = System.nanoTime() + PERIOD_NS;
        for (Alarm a : set) {
            if (a.end - next < 0) {
                a.what.cancel(true); // which clears it
            }
        }
        if (!set.isEmpty()) {
            schedule();
            return;
        }
        looking.set(false);
        if (!set.isEmpty()) { // one came in between
            lookLater();
        }
    }
}
