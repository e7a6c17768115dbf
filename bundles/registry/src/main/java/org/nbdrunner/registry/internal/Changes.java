package org.nbdrunner.registry.internal;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Something has changed, and who waits for that may look again. For use by any thread. */
final class Changes {
    private long count;

    synchronized void tell() {
        count++;
        notifyAll();
    }

    private synchronized long count() {
        return count;
    }

    /** Waits until a condition holds, looking again after each change; false if it does not within the bound. */
    boolean await(BooleanSupplier condition, Duration bound) throws InterruptedException {
        long deadline = System.nanoTime() + bound.toNanos();
        for (; ; ) {
            long before = count();
            if (condition.getAsBoolean()) {
                return true;
            }
            synchronized (this) {
                while (count == before) {
                    long left = deadline - System.nanoTime();
                    if (left <= 0) {
                        return false;
                    }
                    TimeUnit.NANOSECONDS.timedWait(this, left);
                }
            }
        }
    }
}
