package org.nbdrunner.engine.internal.transmission;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.nbdrunner.engine.internal.net.Transport;

/**
 * Lets a reader look for its client's next request for some microseconds before it sleeps: to be woken costs both sides more than that.
 *
 * <p>This is worth it where a client on the same machine waits for each reply before it asks again, and takes a processor from others
 * where not. So a reader polls only while its connection is the only one that is used, its requests come one by one, and they come
 * soon. It never polls for longer than a wake-up costs: at the worst, waiting takes twice as much as without.
 *
 * <p>For the reader.
 */
final class BusyPoll {
    /** What a wake-up takes, with the processor's way out of its idle state: nanoseconds. */
    static final long LIMIT = 25_000;

    /** Requests that came soon after the last reply, before polling for the next begins. */
    static final int TRIAL = 32;

    /** Polls in vain, not made up for by others, after which polling ends. */
    static final int PATIENCE = 8;

    private static final VarHandle LATEST;

    /** Without another processor, the client could not send while the reader polls. */
    private static final boolean ALWAYS_SLEEPS = Runtime.getRuntime().availableProcessors() == 1;

    /** Who has waited for a request last, of all connections. */
    @SuppressWarnings("unused")
    private static BusyPoll latest;

    static {
        try {
            LATEST = MethodHandles.lookup().findStaticVarHandle(BusyPoll.class, "latest", BusyPoll.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final IntSupplier available;
    private final LongSupplier clock;
    private int soon;
    private int inVain;
    private long since;

    /**
     * For a connection.
     *
     * @param transport says what is there
     */
    BusyPoll(Transport transport) {
        this(transport::available, System::nanoTime);
    }

    /**
     * For a test.
     *
     * @param available zero as long as nothing has come
     * @param clock nanoseconds
     */
    BusyPoll(IntSupplier available, LongSupplier clock) {
        this.available = available;
        this.clock = clock;
    }

    /**
     * Polls, if that is promising. Call it before the reader waits.
     *
     * @param requests that were served since the last call
     * @param inFlight requests that have not been answered
     */
    void beforeWait(int requests, int inFlight) {
        since = 0;
        if (LATEST.getOpaque() != this) {
            LATEST.setOpaque(this);
            soon = 0;
            return;
        }
        if (requests != 1 || inFlight != 0 || ALWAYS_SLEEPS) {
            soon = 0;
            return;
        }
        since = clock.getAsLong();
        if (soon >= TRIAL) {
            poll();
        }
    }

    private void poll() {
        do {
            if (available.getAsInt() != 0) {
                inVain = Math.max(0, inVain - 1);
                return;
            }
            Thread.onSpinWait();
        } while (clock.getAsLong() - since < LIMIT);
        if (++inVain >= PATIENCE) {
            inVain = 0;
            soon = 0;
        }
    }

    /** Takes note of when the next request came. */
    void afterWait() {
        if (since != 0 && soon < TRIAL) {
            // What is slept for takes a wake-up longer.
            soon = clock.getAsLong() - since < 3 * LIMIT ? soon + 1 : 0;
        }
    }
}
