package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;

/** Handlers that come and go under clients that do I/O. */
@Timeout(60)
class SwapTest {
    private static final String H = Fixture.HANDLER;

    @TempDir
    Path directory;

    private final TestHandler first = new TestHandler();
    private final TestHandler second = new TestHandler(first.storage);
    private Fixture f;

    @BeforeEach
    void start() throws Exception {
        f = new Fixture(directory, first);
        f.create("a");
    }

    @AfterEach
    void stop() throws IOException {
        f.close();
    }

    /** With short times, where the test waits for them to pass. */
    private void shorten(Duration timeout, Duration drain) throws IOException {
        f.restart(Fixture.settings(directory, timeout, Duration.ofMillis(50), drain));
    }

    private void remove(TestHandler handler) {
        f.registry().remove(handler);
    }

    private void add(TestHandler handler) {
        f.registry().add(H, handler, 0, 1, Fixture.ORIGIN);
    }

    private static void awaitServing(OpenExport export, TestHandler handler) {
        Fixture.await("the gate is open", () -> {
            TestRequest request = new TestRequest(export);
            return export.submit(request)
                    && request.done()
                    && handler.latest != null
                    && handler.latest.served.get() > 0;
        });
    }

    @Test
    void oneVolumeServesAllAndIsClosedWithTheLast() throws Exception {
        OpenExport one = f.open("a");
        OpenExport two = f.open("a");
        OpenExport mapped = f.map("a");
        assertEquals(1, first.opens.get());
        TestRequest.taken(one);
        one.close(true);
        one.close(true);
        two.close(false);
        assertEquals(1, first.storage.openVolumes());
        TestRequest.taken(mapped);
        mapped.close(true);
        Fixture.await("closed", () -> first.storage.openVolumes() == 0);
        first.storage.assertUnharmed();
    }

    @Test
    void aPremappedVolumeStaysOpenForItsConnection() throws Exception {
        f.control().premap(H, "a", false, 30);
        f.open("a").close(true);
        assertEquals(1, first.storage.openVolumes());
        f.control().postmap(H, "a", "", "");
        Fixture.await("closed", () -> first.storage.openVolumes() == 0);
    }

    @Test
    void requestsWaitForTheNextHandler() throws Exception {
        OpenExport export = f.map("a");
        TestRequest.taken(export);
        remove(first);
        assertEquals(0, first.storage.openVolumes(), "closed before the handler is gone");
        assertFalse(export.submit(new TestRequest(export)));
        Thread waiting = new Thread(() -> {
            try {
                export.awaitOpen();
            } catch (StorageException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        waiting.start();
        Fixture.await("waiting", () -> waiting.getState() == Thread.State.TIMED_WAITING);
        add(second);
        waiting.join();
        assertTrue(TestRequest.taken(export).done());
        assertEquals(1, second.latest.served.get());
        assertEquals(BackstoreState.MAPPED, f.state("a"));
        first.storage.assertUnharmed();
    }

    private boolean isAbsent() {
        try {
            return f.control().handlers().get(0).state() == HandlerState.ABSENT;
        } catch (ControlException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whatIsInFlightFinishesFirst() throws Exception {
        OpenExport export = f.open("a");
        first.behaviour = TestVolume.Behaviour.HOLD;
        TestRequest request = TestRequest.taken(export);
        Thread removal = new Thread(() -> remove(first));
        removal.start();
        Fixture.await("the gate is closed", this::isAbsent);
        Fixture.await("waiting for the request", () -> removal.getState() == Thread.State.TIMED_WAITING);
        assertFalse(first.latest.closed);
        assertFalse(request.done());
        first.latest.releaseHeld();
        removal.join();
        assertTrue(request.done());
        assertTrue(first.latest.closed);
        first.storage.assertUnharmed();
    }

    @Test
    void theBetterRankedHandlerServes() throws Exception {
        OpenExport export = f.map("a");
        f.registry().add(H, second, 10, 2, Fixture.ORIGIN);
        awaitServing(export, second);
        TestHandler third = new TestHandler(first.storage);
        f.registry().add(H, third, 5, 3, Fixture.ORIGIN);
        f.registry().update(H, third, 20, 3, Fixture.ORIGIN);
        awaitServing(export, third);
        remove(third);
        awaitServing(export, second);
        remove(first);
        assertFalse(second.latest.closed, "the handler that was removed did not serve");
        assertTrue(TestRequest.taken(export).done());
        first.storage.assertUnharmed();
    }

    @Test
    void ofEqualsTheOldestServes() throws Exception {
        OpenExport export = f.open("a");
        f.registry().add(H, second, 0, 2, Fixture.ORIGIN);
        TestRequest.taken(export);
        assertEquals(1, first.latest.served.get());
        assertEquals(0, second.opens.get());
        remove(first);
        awaitServing(export, second);
    }

    @Test
    void anotherVolumeOfTheNameIsRefused() throws Exception {
        first.storage.disks.put("a", VolumeInfo.builder(1024).identity("one").build());
        shorten(Duration.ofMillis(300), Duration.ofSeconds(10));
        OpenExport export = f.open("a");
        remove(first);
        for (VolumeInfo wrong : List.of(
                VolumeInfo.builder(2048).identity("one").build(),
                VolumeInfo.builder(1024).identity("two").build(),
                VolumeInfo.builder(1024).identity("one").minimumBlock(512).build(),
                VolumeInfo.builder(1024).identity("one").maximumPayload(65536).build(),
                VolumeInfo.builder(1024).identity("one").readOnly(true).build())) {
            first.storage.disks.put("a", wrong);
            add(second);
            Fixture.await("tried", () -> second.opens.get() > 1);
            assertFalse(export.submit(new TestRequest(export)), wrong.toString());
            remove(second);
            second.opens.set(0);
        }
        Fixture.refused(Errno.EIO, export::awaitOpen);
        assertEquals(0, first.storage.openVolumes());
        first.storage.disks.put(
                "a",
                VolumeInfo.builder(1024).identity("one").with(Capability.TRIM).build());
        add(second);
        awaitServing(export, second);
    }

    @Test
    void whatWasOfferedMustBeThereAgain() throws Exception {
        OpenExport export = f.open("a");
        remove(first);
        first.storage.disks.put(
                "a",
                VolumeInfo.builder(Fixture.SIZE)
                        .with(Capability.FLUSH, Capability.MULTI_CONN)
                        .build());
        add(second);
        Fixture.await("tried", () -> second.opens.get() > 1);
        assertFalse(export.submit(new TestRequest(export)));
    }

    @Test
    void aResizedVolumeFitsWithItsNewSize() throws Exception {
        OpenExport export = f.open("a");
        VolumeInfo larger = VolumeInfo.builder(2 * Fixture.SIZE)
                .with(first.latest.info.capabilities().toArray(Capability[]::new))
                .build();
        first.latest.info = larger;
        first.storage.disks.put("a", larger);
        remove(first);
        add(second);
        awaitServing(export, second);
        assertEquals(Fixture.SIZE, export.info().size(), "what the connection was given stays");
        assertEquals(larger.size(), f.open("a").info().size());
    }

    @Test
    void openingIsTriedAgain() throws Exception {
        OpenExport export = f.open("a");
        remove(first);
        second.failure = new IOException("not yet");
        add(second);
        assertFalse(export.submit(new TestRequest(export)));
        second.failure = null;
        awaitServing(export, second);
    }

    @Test
    void aHandlerThatIsAwayTooLongEndsTheWait() throws Exception {
        shorten(Duration.ofMillis(100), Duration.ofSeconds(10));
        OpenExport mapped = f.map("a");
        OpenExport newstyle = f.open("a");
        f.control().unmap(H, "a", "");
        mapped.close(true);
        f.control().premap(H, "a", false, 1);
        OpenExport again = f.exports().openMapped("a", r -> {});
        f.control().postmap(H, "a", Fixture.DEVICE, Fixture.TIME);
        remove(first);
        assertFalse(again.submit(new TestRequest(again)));
        Fixture.refused(Errno.EIO, again::awaitOpen);
        Fixture.refused(Errno.EIO, again::awaitOpen);
        Fixture.refused(Errno.EIO, newstyle::awaitOpen);
        f.awaitState("a", BackstoreState.DEAD);
        assertTrue(f.text().contains("\"dead\""));
        add(second);
        f.awaitState("a", BackstoreState.MAPPED);
        assertTrue(TestRequest.taken(again).done());
        assertTrue(f.text().contains("\"mapped\""));
        again.close(false);
        assertEquals(BackstoreState.DEAD, f.state("a"));
    }

    @Test
    void aMappingThatDiedOfItsHandlerCanBeUnmapped() throws Exception {
        f.control().premap(H, "a", false, 1);
        OpenExport export = f.exports().openMapped("a", r -> {});
        f.control().postmap(H, "a", Fixture.DEVICE, Fixture.TIME);
        remove(first);
        f.awaitState("a", BackstoreState.DEAD);
        f.control().unmap(H, "a", "");
        assertEquals(BackstoreState.UNMAPPING, f.state("a"));
        export.close(true);
        assertEquals(BackstoreState.CREATED, f.state("a"));
    }

    @Test
    void anInterruptEndsTheWait() throws Exception {
        OpenExport export = f.open("a");
        remove(first);
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, export::awaitOpen);
    }

    @Test
    void aFaultOfTheVolumeFailsTheRequestAlone() throws Exception {
        OpenExport export = f.open("a");
        first.behaviour = (volume, request) -> {
            volume.fail(request);
            throw new NoClassDefFoundError("gone with its bundle");
        };
        TestRequest request = TestRequest.taken(export);
        assertEquals(Errno.EIO, request.error);
        first.behaviour = (volume, r) -> {
            throw new NoClassDefFoundError("gone with its bundle");
        };
        TestRequest thrown = TestRequest.taken(export);
        assertEquals(1, thrown.completions.get());
        assertEquals("NoClassDefFoundError: gone with its bundle", thrown.message);
        first.behaviour = TestVolume.Behaviour.COMPLETE;
        assertNull(TestRequest.taken(export).error);
    }

    @Test
    void aVolumeThatDoesNotCloseHoldsUpNobodyForEver() throws Exception {
        shorten(Duration.ofSeconds(30), Duration.ofMillis(100));
        OpenExport export = f.open("a");
        first.closeGate = new CountDownLatch(1);
        remove(first);
        add(second);
        awaitServing(export, second);
        first.closeGate.countDown();
        Fixture.await("closed", () -> first.storage.openVolumes() == 1);
    }

    @Test
    void aVolumeThatFailsToCloseIsClosed() throws Exception {
        OpenExport export = f.open("a");
        first.closeFailure = new IOException("lost something");
        remove(first);
        add(second);
        awaitServing(export, second);
        assertEquals(List.of("a"), List.copyOf(f.unclean));
    }

    @Test
    void whatIsNotClosedWhenAllStopsIsTold() throws Exception {
        shorten(Duration.ofSeconds(30), Duration.ofMillis(100));
        f.create("b");
        f.open("a");
        f.open("b");
        first.closeGate = new CountDownLatch(1);
        f.restart();
        first.closeGate.countDown();
        assertEquals(Set.of("a", "b"), Set.copyOf(f.unclean));
    }

    @Test
    void requestsThatNeverCompleteCostTheirConnection() throws Exception {
        shorten(Duration.ofSeconds(30), Duration.ofMillis(100));
        List<String> revoked = Collections.synchronizedList(new ArrayList<>());
        OpenExport stuck = f.map("a", reason -> revoked.add(reason));
        OpenExport idle = f.open("a");
        first.behaviour = TestVolume.Behaviour.HOLD;
        TestRequest.taken(stuck);
        remove(first);
        assertTrue(first.latest.closed);
        Fixture.await("told", () -> !revoked.isEmpty());
        f.awaitState("a", BackstoreState.DEAD);
        Fixture.refused(Errno.EIO, stuck::awaitOpen);
        add(second);
        awaitServing(idle, second);
        // What was in flight in a closed volume never runs: the mapping's next connection need not wait for it.
        f.control().premap(H, "a", false, 30);
        OpenExport next = f.exports().openMapped("a", r -> {});
        next.awaitOpen();
        assertTrue(TestRequest.taken(next).done());
        assertFalse(stuck.submit(new TestRequest(stuck)));
    }

    @Test
    void aHandlerIsNotRemovedInTheMiddleOfAnOperation() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        first.createGate = gate;
        Thread creator = new Thread(() -> {
            try {
                f.create("b");
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        creator.start();
        Fixture.await("creating", () -> creator.getState() == Thread.State.WAITING);
        Thread removal = new Thread(() -> remove(first));
        removal.start();
        Fixture.await("waiting for the create", () -> removal.getState() == Thread.State.TIMED_WAITING);
        gate.countDown();
        creator.join();
        removal.join();
        assertNotNull(f.info("b"));
    }

    @Test
    void stopEndsEveryConnectionAndClosesEveryVolume() throws Exception {
        List<String> revoked = new ArrayList<>();
        OpenExport export = f.map("a", reason -> revoked.add(reason));
        TestRequest.taken(export);
        f.registry().close();
        assertEquals(List.of("the registry stops"), revoked);
        assertTrue(first.latest.closed);
        first.storage.assertUnharmed();
        assertFalse(export.submit(new TestRequest(export)));
        Fixture.refused(Errno.EIO, export::awaitOpen);
        export.close(false);
        remove(first);
        add(second);
        f.start();
        f.registry().add(H, first, 0, 1, Fixture.ORIGIN);
        assertEquals(BackstoreState.DEAD, f.state("a"));
    }

    /** What takes its time while all runs does not when nbd-runner stops. */
    private void shortenTheStop() throws IOException {
        Duration patient = Duration.ofMinutes(5);
        Duration brief = Duration.ofMillis(300);
        f.restart(new Settings(directory, 4, patient, brief, brief, patient, patient, brief, brief, brief));
    }

    @Test
    void aStopWaitsOnceForAVolumeThatDoesNotClose() throws Exception {
        shortenTheStop();
        f.open("a");
        first.closeGate = new CountDownLatch(1);
        f.registry().close();
        remove(first);
        assertEquals(1, first.storage.openVolumes());
        first.closeGate.countDown();
        f.start();
    }

    @Test
    void aStopClosesVolumesThatDoNotCompleteTheirRequests() throws Exception {
        shortenTheStop();
        OpenExport export = f.open("a");
        first.behaviour = TestVolume.Behaviour.HOLD;
        TestRequest.taken(export);
        f.registry().close();
        Fixture.await("closed", () -> first.storage.openVolumes() == 0);
        f.start();
    }

    @Test
    void aHandlerWithABadNameOrOptionIsNotUsed() throws Exception {
        TestHandler bad = new TestHandler();
        for (String name : List.of("", "Dummy", "1st", "a_b", "x".repeat(33), "null;")) {
            f.registry().add(name, bad, 0, 9, Fixture.ORIGIN);
        }
        bad.options = Set.of("size");
        f.registry().add("bad", bad, 0, 9, Fixture.ORIGIN);
        bad.options = Set.of("a=b");
        f.registry().add("bad", bad, 0, 9, Fixture.ORIGIN);
        assertEquals(
                List.of("dummy"),
                f.control().handlers().stream().map(h -> h.name()).toList());
        f.registry().remove(bad);
    }

    /** Readers of several connections against a handler that is swapped all the time. */
    @Test
    void everyRequestCompletesOnceWhateverTheHandlerDoes() throws Exception {
        int readers = 4;
        ExecutorService volumes = Executors.newFixedThreadPool(2);
        ExecutorService clients = Executors.newFixedThreadPool(readers);
        AtomicBoolean end = new AtomicBoolean();
        AtomicLong count = new AtomicLong();
        TestVolume.Behaviour mixed = (volume, request) -> {
            if (request.command() == Command.FLUSH || count.incrementAndGet() % 3 == 0) {
                volume.complete(request);
            } else {
                volumes.execute(() -> volume.complete(request));
            }
        };
        first.behaviour = mixed;
        second.behaviour = mixed;
        List<Future<List<TestRequest>>> results = new ArrayList<>();
        for (int i = 0; i < readers; i++) {
            OpenExport export = i == 0 ? f.map("a") : f.open("a");
            results.add(clients.submit(() -> {
                List<TestRequest> requests = new ArrayList<>();
                while (!end.get()) {
                    TestRequest request = new TestRequest(export);
                    while (!export.submit(request)) {
                        export.awaitOpen();
                    }
                    requests.add(request);
                    if (requests.size() % 64 == 0) {
                        // A client has only so much in flight.
                        Fixture.await("completed", request::done);
                    }
                }
                return requests;
            }));
        }
        TestHandler current = first;
        for (int swap = 0; swap < 60; swap++) {
            TestHandler next = current == first ? second : first;
            if (swap % 2 == 0) {
                remove(current);
                add(next);
            } else {
                f.registry().add(H, next, swap, swap, Fixture.ORIGIN);
                remove(current);
            }
            long reached = count.get();
            Fixture.await("I/O goes on", () -> count.get() > reached + 50);
            current = next;
        }
        end.set(true);
        long submitted = 0;
        for (Future<List<TestRequest>> result : results) {
            for (TestRequest request : result.get()) {
                Fixture.await("completed", request::done);
                assertEquals(1, request.completions.get());
                assertNull(request.error);
                submitted++;
            }
        }
        assertEquals(count.get(), submitted);
        clients.shutdown();
        f.close();
        volumes.shutdown();
        assertTrue(volumes.awaitTermination(20, TimeUnit.SECONDS));
        first.storage.assertUnharmed();
        assertEquals(0, first.storage.openVolumes());
        f.start();
    }

    @Test
    void theSameInfoEveryTime() throws Exception {
        OpenExport export = f.open("a");
        assertSame(export.info(), export.info());
        assertEquals("dummy/a", export.name());
    }

    @Test
    void afterTheStartABackstoresHandlerIsWaitedFor() throws Exception {
        f.registry().close();
        f.start();
        ExecutorService client = Executors.newSingleThreadExecutor();
        Future<OpenExport> opened = client.submit(() -> f.open("a"));
        Future<String> created = client.submit(() -> {
            f.create("b");
            return "b";
        });
        assertEquals(List.of("dummy/a"), f.exports().names());
        Fixture.refused(Errno.ENODEV, () -> f.control().delete("file", "a"));
        assertFalse(opened.isDone());
        add(first);
        awaitServing(opened.get(), first);
        assertEquals("b", created.get());
        client.shutdown();
    }

    @Test
    void aVolumeThatDoesNotCloseHoldsUpItsOwnHandlerOnly() throws Exception {
        shorten(Duration.ofSeconds(30), Duration.ofMinutes(1));
        f.open("a");
        TestHandler stuck = new TestHandler();
        stuck.closeGate = new CountDownLatch(1);
        f.registry().add("stuck", stuck, 0, 2, Fixture.ORIGIN);
        f.control().create("stuck", "b", Fixture.SIZE, false, ProgressListener.NONE);
        f.exports().open("stuck/b", r -> {});
        ExecutorService other = Executors.newSingleThreadExecutor();
        Future<?> removal = other.submit(() -> f.registry().remove(stuck));
        Fixture.await("the other's volume is closing", () -> stuck.latest.closed);
        remove(first);
        add(second);
        assertFalse(removal.isDone(), "the other handler's volume was waited for");
        stuck.closeGate.countDown();
        removal.get();
        other.shutdown();
    }

    @Test
    void aRequestMayTakeAsLongAsItsMappingSaysAndALittleMore() throws Exception {
        OpenExport export = f.open("a");
        assertEquals(Duration.ofSeconds(35), export.requestTimeout());
        f.control().premap(H, "a", false, 120);
        assertEquals(Duration.ofSeconds(125), export.requestTimeout());
    }
}
