package org.nbdrunner.handler.file.internal;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Whether a write may be tried on the caller's thread. Mostly it only fills the page cache, in less time than handing over takes; but when
 * the kernel slows writers down to the pace of the storage, callers must not wait with them.
 *
 * <p>For use by any thread.
 */
final class Patience {
    /** Longer than a thread is commonly kept from its processor, shorter than the kernel's pauses. */
    static final long SLOW = TimeUnit.MILLISECONDS.toNanos(10);
    /** How long it then takes until the next try. */
    static final long PAUSE = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier clock;
    private volatile boolean lost;
    private volatile long since;

    /**
     * Patience.
     *
     * @param clock nanoseconds, from any origin
     */
    Patience(LongSupplier clock) {
        this.clock = clock;
    }

    /** The time, for {@link #has} and {@link #took}. */
    long now() {
        return clock.getAsLong();
    }

    /** Whether writes have been quick of late. */
    boolean has(long now) {
        if (lost && now - since > PAUSE) {
            lost = false;
        }
        return !lost;
    }

    /** A write that began at some time has just ended. */
    void took(long from) {
        long now = now();
        if (now - from > SLOW) {
            since = now;
            lost = true;
        }
    }
}
