package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerOpening;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.handlers.HandlerService.Origin;

/** What is told of handlers that change under their clients, and handlers that do not open what they should. */
@Timeout(60)
class WatchTest {
    private static final String H = Fixture.HANDLER;
    private static final Origin NEWER = new Origin(8, "test.dummy", "2.0.0");
    private static final HandlerOpening OPEN = new HandlerOpening(HandlerOpening.State.OPEN, "");
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration SHORT = Duration.ofMillis(50);

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
        first.openGate.countDown();
        second.openGate.countDown();
        f.close();
    }

    private void swap() {
        f.registry().remove(first);
        f.registry().add(H, second, 0, 2, NEWER);
    }

    private HandlerOpening awaitOpen(Origin origin, Duration bound) throws InterruptedException {
        return f.registry().watch().awaitOpen(H, origin.bundle(), bound);
    }

    private static HandlerOpening pending(String reason) {
        return new HandlerOpening(HandlerOpening.State.PENDING, reason);
    }

    private HandlerInfo handler() throws ControlException {
        return f.control().handlers().get(0);
    }

    @Test
    void aSwapThatWorksIsSeen() throws Exception {
        f.map("a");
        assertEquals(OPEN, awaitOpen(Fixture.ORIGIN, LONG));
        swap();
        assertEquals(OPEN, awaitOpen(NEWER, LONG));
        assertEquals(1, f.registry().watch().inUse(H));
        assertEquals(new HandlerInfo(H, 1000, 1, "2.0.0", 8, HandlerState.ACTIVE, 1, 0, ""), handler());
    }

    @Test
    void aVolumeOfAnotherSizeIsTold() throws Exception {
        f.map("a");
        f.registry().remove(first);
        first.storage.disks.put("a", VolumeInfo.builder(512).build());
        f.registry().add(H, second, 0, 2, NEWER);
        HandlerOpening opening = awaitOpen(NEWER, LONG);
        assertEquals(HandlerOpening.State.FAILED, opening.state());
        String reason = opening.reason();
        assertTrue(reason.startsWith("dummy/a: ") && reason.contains("512 bytes"), reason);
        assertEquals(HandlerState.OPENING, handler().state());
    }

    @Test
    void aHandlerThatDoesNotComeIsTold() throws Exception {
        f.map("a");
        f.registry().remove(first);
        assertEquals(pending("it does not serve dummy"), awaitOpen(NEWER, SHORT));
        assertEquals(new HandlerInfo(H, 1000, 1, "", -1, HandlerState.ABSENT, 1, 0, ""), handler());
    }

    @Test
    void aHandlerThatNeverOpensHoldsUpNobody() throws Exception {
        OpenExport export = f.map("a");
        second.openGate = new CountDownLatch(1);
        swap();
        assertEquals(pending("it has not opened a"), awaitOpen(NEWER, SHORT));
        Fixture.await("it is at it", () -> second.openings.get() == 1);
        CompletableFuture<Void> removal =
                CompletableFuture.runAsync(() -> f.registry().remove(second));
        TestHandler third = new TestHandler(first.storage);
        f.registry().add(H, third, 0, 3, Fixture.ORIGIN);
        assertEquals(OPEN, awaitOpen(Fixture.ORIGIN, LONG));
        TestRequest.taken(export);
        assertFalse(removal.isDone(), "its bundle is given time to come back from the call");
        second.openGate.countDown();
        removal.join();
        Fixture.await("what came too late is closed", () -> first.storage.openVolumes() == 1);
    }

    @Test
    void aMappingDoesNotWaitForeverForItsVolume() throws Exception {
        first.openGate = new CountDownLatch(1);
        Fixture.refused(Errno.ETIMEDOUT, () -> f.control().premap(H, "a", false, 1));
        first.openGate.countDown();
        Fixture.await("what came too late is closed", () -> first.storage.openVolumes() == 0);
        f.map("a");
    }

    @Test
    void anAbandonedMappingIsDeadAtOnceAndComesBack() throws Exception {
        f.map("a");
        f.registry().remove(first);
        f.registry().watch().abandon(H);
        assertEquals(BackstoreState.DEAD, f.info("a").state());
        f.registry().add(H, second, 0, 2, NEWER);
        f.awaitState("a", BackstoreState.MAPPED);
    }

    @Test
    void whoComesWhileAHandlerIsSwappedWaits() throws Exception {
        f.registry().remove(first);
        assertEquals(List.of("dummy/a"), f.exports().names());
        CompletableFuture<OpenExport> coming = CompletableFuture.supplyAsync(() -> {
            try {
                return f.open("a");
            } catch (StorageException e) {
                throw new CompletionException(e);
            }
        });
        f.registry().add(H, second, 0, 2, NEWER);
        TestRequest.taken(coming.get(30, TimeUnit.SECONDS));
    }

    @Test
    void nobodyWaitsForAHandlerThatIsRemovedForGood() throws Exception {
        f.registry().remove(first);
        f.registry().watch().abandon(H);
        assertEquals(List.of(), f.exports().names());
        Fixture.refused(Errno.ENODEV, () -> f.open("a"));
    }

    @Test
    void aRemarkIsListed() throws Exception {
        f.registry().watch().remark(H, "rolled back");
        assertEquals("rolled back", handler().remark());
        f.registry().watch().remark(H, "");
        assertEquals("", handler().remark());
    }
}
