package org.nbdrunner.netlink.internal;

import java.time.Duration;

/** A point in time that waiting must not outlast. */
public final class Deadline {
    private final long end;

    private Deadline(long end) {
        this.end = end;
    }

    /**
     * A deadline from now on.
     *
     * @param duration how long from now
     * @return the deadline
     */
    public static Deadline in(Duration duration) {
        return new Deadline(System.nanoTime() + duration.toNanos());
    }

    /**
     * What is left, as {@code poll(2)} takes it.
     *
     * @return milliseconds, rounded up; 0 when the deadline has passed
     */
    public int millisLeft() {
        long nanos = end - System.nanoTime();
        return nanos <= 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, nanos / 1_000_000 + 1);
    }

    /**
     * Whether nothing is left.
     *
     * @return true if so
     */
    public boolean passed() {
        return millisLeft() == 0;
    }

    /**
     * An earlier deadline, for the first of several attempts.
     *
     * @param attempts how many attempts share what is left, at least 1
     * @return the first one's deadline
     */
    public Deadline share(int attempts) {
        return in(Duration.ofMillis(millisLeft() / attempts));
    }
}
