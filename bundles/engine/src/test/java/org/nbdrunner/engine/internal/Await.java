package org.nbdrunner.engine.internal;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition, not for a time. */
final class Await {
    private static final long BOUND = TimeUnit.SECONDS.toNanos(30);
    private static final long STEP = TimeUnit.MICROSECONDS.toNanos(500);

    private Await() {}

    /** Waits until something holds; fails, saying what, if it does not for very long. */
    static void until(BooleanSupplier condition, Supplier<String> what) {
        long end = System.nanoTime() + BOUND;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited in vain: " + what.get());
            }
            LockSupport.parkNanos(STEP);
        }
    }

    static void until(BooleanSupplier condition, String what) {
        until(condition, () -> what);
    }
}
