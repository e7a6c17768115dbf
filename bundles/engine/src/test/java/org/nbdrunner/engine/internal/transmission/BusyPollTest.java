package org.nbdrunner.engine.internal.transmission;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BusyPollTest {
    private static final long LONG = 100 * BusyPoll.LIMIT;

    private long now;
    private int looks;
    private boolean there = true;
    private final BusyPoll poll = new BusyPoll(this::available, () -> now);
    private final BusyPoll other = new BusyPoll(() -> 1, () -> now);

    private int available() {
        looks++;
        now += BusyPoll.LIMIT / 10;
        return there ? 1 : 0;
    }

    /** A request has been answered, and the next one comes later. Returns how often the reader looked for it. */
    private int turn(BusyPoll reader, int requests, int inFlight, long later) {
        looks = 0;
        reader.beforeWait(requests, inFlight);
        now += later;
        reader.afterWait();
        return looks;
    }

    /** Another connection is used, then the reader's alone until the reader polls. */
    private void promise() {
        turn(other, 1, 0, LONG);
        for (int i = 0; i <= BusyPoll.TRIAL; i++) {
            assertEquals(0, turn(poll, 1, 0, 0), "polls at once");
        }
        assertEquals(1, turn(poll, 1, 0, 0));
    }

    @BeforeEach
    void moreThanOneProcessor() {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "nothing polls on one processor");
    }

    @Test
    void onlyWhoAsksSoonAfterEachReplyIsPolledFor() {
        promise();
        for (int i = 0; i < 2 * BusyPoll.TRIAL; i++) {
            turn(other, 0, 0, 0);
            turn(poll, 1, 0, LONG);
        }
        for (int i = 0; i < 4 * BusyPoll.TRIAL; i++) {
            assertEquals(0, turn(poll, 1, 0, LONG), "polls for a client that takes its time");
        }
    }

    @Test
    void aPollIsBounded() {
        promise();
        there = false;
        assertEquals(10, turn(poll, 1, 0, 0));
    }

    @Test
    void pollingInVainEnds() {
        promise();
        there = false;
        for (int i = 0; i < BusyPoll.PATIENCE; i++) {
            assertTrue(turn(poll, 1, 0, 0) > 0, "gives up early");
        }
        assertEquals(0, turn(poll, 1, 0, 0));
    }

    @Test
    void severalRequestsAtOnceAreNotPolledFor() {
        promise();
        assertEquals(0, turn(poll, 2, 0, 0));
        promise();
    }

    @Test
    void requestsInFlightAreNotPolledFor() {
        promise();
        assertEquals(0, turn(poll, 1, 1, 0));
        promise();
    }

    @Test
    void nobodyPollsWhileAnotherConnectionIsUsed() {
        promise();
        turn(other, 1, 0, 0);
        assertEquals(0, turn(poll, 1, 0, 0));
        promise();
    }
}
