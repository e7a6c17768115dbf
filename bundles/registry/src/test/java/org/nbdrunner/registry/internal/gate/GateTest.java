package org.nbdrunner.registry.internal.gate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

@Timeout(60)
class GateTest {
    private static final Duration BOUND = Duration.ofSeconds(20);
    private static final int SUBMITTERS = 2;
    private static final Duration STRESS = Duration.ofSeconds(2);

    private static final Session.Owner NOBODY = new Session.Owner() {
        @Override
        public void disconnected(Session session) {}

        @Override
        public void closed(Session session) {}
    };

    /** Notes whether it is used after its close. */
    private static final class Watched implements Volume {
        private static final VolumeInfo INFO = VolumeInfo.builder(512).build();

        final AtomicInteger misused;
        volatile boolean closed;

        Watched(AtomicInteger misused) {
            this.misused = misused;
        }

        @Override
        public VolumeInfo info() {
            return INFO;
        }

        @Override
        public void submit(IoRequest request) {
            if (closed) {
                misused.incrementAndGet();
            }
            request.complete();
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    private static boolean open(Gate gate, Volume volume) {
        return gate.open(new OpenVolume(volume, volume.info(), null), () -> true);
    }

    /** The gate closes and opens as fast as it can, so that requests meet it at every instruction. */
    @Test
    void noRequestSlipsThrough() throws Exception {
        Gate gate = new Gate("a", BOUND);
        AtomicInteger misused = new AtomicInteger();
        AtomicBoolean end = new AtomicBoolean();
        AtomicLong completed = new AtomicLong();
        open(gate, new Watched(misused));
        List<Thread> submitters = new ArrayList<>();
        List<Session> sessions = new ArrayList<>();
        AtomicLong taken = new AtomicLong();
        for (int i = 0; i < SUBMITTERS; i++) {
            Session session = gate.admit(NOBODY, "a", Session.NO_EPOCH, false, reason -> {});
            sessions.add(session);
            FlushRequest request = new FlushRequest() {
                @Override
                public void complete() {
                    completed.incrementAndGet();
                    session.completed();
                }
            };
            submitters.add(new Thread(() -> {
                long n = 0;
                try {
                    while (!end.get()) {
                        if (session.submit(request)) {
                            n++;
                        } else {
                            session.awaitOpen();
                        }
                    }
                } catch (StorageException | InterruptedException e) {
                    throw new AssertionError(e);
                }
                taken.addAndGet(n);
            }));
        }
        submitters.forEach(Thread::start);
        long cycles = 0;
        for (long start = System.nanoTime(); System.nanoTime() - start < STRESS.toNanos(); cycles++) {
            long before = completed.get();
            while (completed.get() == before) {
                LockSupport.parkNanos(1_000);
            }
            Closing closing = gate.shut(null);
            assertNotNull(closing);
            assertTrue(gate.awaitIdle(closing.sessions(), BOUND));
            closing.opened().volume().close();
            gate.ended(closing, List.of());
            assertTrue(open(gate, new Watched(misused)));
        }
        end.set(true);
        for (Thread t : submitters) {
            t.join();
        }
        assertEquals(0, misused.get(), "requests ran in a closed volume");
        assertEquals(taken.get(), completed.get());
        assertTrue(sessions.stream().allMatch(Session::idle));
        assertTrue(cycles > 1 && taken.get() >= cycles, "hardly anything was tried");
    }

    @Test
    void aRequestIsCountedBeforeTheVolumeSeesIt() throws Exception {
        Gate gate = new Gate("a", BOUND);
        AtomicBoolean waitedFor = new AtomicBoolean();
        Volume volume = new Volume() {
            @Override
            public VolumeInfo info() {
                return Watched.INFO;
            }

            @Override
            public void submit(IoRequest request) {
                Closing closing = gate.shut(null);
                try {
                    waitedFor.set(!gate.awaitIdle(closing.sessions(), Duration.ZERO));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                request.complete();
            }

            @Override
            public void close() {}
        };
        assertTrue(open(gate, volume));
        Session session = gate.admit(NOBODY, "a", Session.NO_EPOCH, false, reason -> {});
        FlushRequest request = new FlushRequest() {
            @Override
            public void complete() {
                session.completed();
            }
        };
        assertTrue(session.submit(request));
        assertTrue(waitedFor.get(), "the gate did not know of it");
        assertTrue(session.idle());
        assertFalse(session.submit(request));
        assertTrue(session.idle(), "a request that was not taken was left in the count");
    }

    @Test
    void aHandlerThatServesNoMoreDoesNotOpenIt() {
        Gate gate = new Gate("a", BOUND);
        Watched volume = new Watched(new AtomicInteger());
        assertFalse(gate.open(new OpenVolume(volume, volume.info(), null), () -> false));
        assertFalse(gate.isOpen());
        assertTrue(open(gate, volume));
        assertFalse(open(gate, new Watched(new AtomicInteger())), "there is one already");
    }

    @Test
    void aStoppedGateStaysClosed() {
        Gate gate = new Gate("a", BOUND);
        open(gate, new Watched(new AtomicInteger()));
        Session session = gate.admit(NOBODY, "a", Session.NO_EPOCH, false, reason -> {});
        assertEquals(List.of(session), gate.stop());
        assertNotNull(gate.shut(null));
        assertFalse(open(gate, new Watched(new AtomicInteger())));
        Session late = gate.admit(NOBODY, "a", Session.NO_EPOCH, false, reason -> {});
        assertFalse(late.submit(new FlushRequest()));
        assertNotNull(late.revoked());
    }
}
