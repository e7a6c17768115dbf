package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;

/** A backstore gets another size: by command, or behind our back. */
@Timeout(60)
class ResizeTest {
    private static final String H = Fixture.HANDLER;
    private static final long SIZE = Fixture.SIZE;

    @TempDir
    Path directory;

    private final TestHandler handler = new TestHandler();
    private Fixture f;

    @BeforeEach
    void start() throws Exception {
        f = new Fixture(directory, handler);
        f.create("a");
    }

    @AfterEach
    void stop() throws IOException {
        f.close();
        handler.storage.assertUnharmed();
    }

    private String resize(long size, boolean force) throws ControlException {
        return f.control().resize(H, "a", size, force);
    }

    private String refused(Errno errno, long size, boolean force) {
        return Fixture.refused(errno, () -> resize(size, force));
    }

    private void assertSize(long size) throws Exception {
        assertEquals(size, f.info("a").size());
        String text = f.text();
        assertTrue(text.contains("\"size\":" + size + ","), text);
        assertEquals(size, handler.storage.disks.get("a").size());
    }

    @Test
    void whatNobodyUsesIsOpenedForThatAlone() throws Exception {
        assertEquals("", resize(2 * SIZE, false));
        assertSize(2 * SIZE);
        Fixture.await("closed", () -> handler.latest.closed);
        assertFalse(handler.openedWith.get("a").readOnly());
        f.restart();
        assertEquals(2 * SIZE, f.info("a").size());
    }

    @Test
    void whoIsConnectedKeepsTheSizeThatItKnows() throws Exception {
        try (OpenExport old = f.open("a")) {
            assertEquals("", resize(2 * SIZE, false));
            assertEquals(SIZE, old.info().size());
            assertEquals(SIZE, old.reach());
            assertTrue(TestRequest.taken(old).done());
            try (OpenExport next = f.open("a")) {
                assertEquals(2 * SIZE, next.info().size());
            }
            assertEquals(1, handler.opens.get());
        }
    }

    @Test
    void aMappedDeviceMayReachAsFarAsItIsTold() throws Exception {
        OpenExport old = f.map("a");
        assertEquals(Fixture.DEVICE, resize(2 * SIZE, false));
        assertSize(2 * SIZE);
        assertEquals(SIZE, old.info().size());
        assertEquals(2 * SIZE, old.reach());
        old.close();
        assertEquals(2 * SIZE, f.control().premap(H, "a", false, 30).size());
    }

    @Test
    void nothingIsCutOffUnlessThatIsConfirmed() throws Exception {
        assertEquals(
                "a would become smaller, what is beyond 524288 of its 1048576 bytes would be lost: use force if it may be",
                refused(Errno.EINVAL, SIZE / 2, false));
        try (OpenExport client = f.open("a")) {
            assertEquals(SIZE, client.reach());
            assertTrue(refused(Errno.EBUSY, SIZE / 2, false).startsWith("a is in use by a client, and what is beyond"));
        }
        try (OpenExport device = f.map("a")) {
            assertEquals(SIZE, device.reach());
            assertTrue(
                    refused(Errno.EBUSY, SIZE / 2, false).startsWith("a is mapped on /dev/nbd0, and what is beyond"));
        }
        assertTrue(refused(Errno.EBUSY, SIZE / 2, false).startsWith("a is dead on /dev/nbd0, and what is beyond"));
        assertEquals(0, handler.resizings.get());
        assertSize(SIZE);
        assertEquals(Fixture.DEVICE, resize(SIZE / 2, true));
        assertSize(SIZE / 2);
    }

    @Test
    void whatBecomesSmallerHasNothingInFlight() throws Exception {
        try (OpenExport client = f.open("a")) {
            handler.behaviour = TestVolume.Behaviour.HOLD;
            TestRequest before = TestRequest.taken(client);
            handler.behaviour = TestVolume.Behaviour.COMPLETE;
            handler.resizeGate = new CountDownLatch(1);
            CompletableFuture<Void> resized = inBackground(() -> resize(SIZE / 2, true));
            Fixture.await("held", () -> !takes(client));
            assertEquals(0, handler.resizings.get());
            handler.latest.releaseHeld();
            Fixture.await("resizing", () -> handler.resizings.get() == 1);
            assertFalse(takes(client), "requests go on while it becomes smaller");
            handler.resizeGate.countDown();
            resized.join();
            client.awaitOpen();
            assertTrue(takes(client));
            assertTrue(before.done());
        }
        assertSize(SIZE / 2);
    }

    @Test
    void whatGrowsDoesNotMakeRequestsWait() throws Exception {
        try (OpenExport client = f.open("a")) {
            handler.resizeGate = new CountDownLatch(1);
            CompletableFuture<Void> resized = inBackground(() -> resize(2 * SIZE, false));
            Fixture.await("resizing", () -> handler.resizings.get() == 1);
            assertTrue(takes(client));
            handler.resizeGate.countDown();
            resized.join();
        }
    }

    @Test
    void aHandlerThatLeavesFinishesItFirst() throws Exception {
        try (OpenExport client = f.open("a")) {
            handler.resizeGate = new CountDownLatch(1);
            CompletableFuture<Void> resized = inBackground(() -> resize(SIZE / 2, true));
            Fixture.await("resizing", () -> handler.resizings.get() == 1);
            CompletableFuture<Void> removed =
                    CompletableFuture.runAsync(() -> f.registry().remove(handler));
            TestVolume old = handler.latest;
            Fixture.await("shut", () -> !takes(client));
            assertFalse(old.closed);
            handler.resizeGate.countDown();
            removed.join();
            resized.join();
            f.registry().add(H, handler, 0, 1, Fixture.ORIGIN);
            client.awaitOpen();
            assertTrue(takes(client));
            assertEquals(SIZE / 2, handler.latest.info().size());
        }
    }

    @Test
    void whatTakesTooLongGoesOn() throws Exception {
        f.restart(Fixture.settings(directory, Duration.ofSeconds(30), Duration.ofMillis(50), Duration.ofMillis(100)));
        try (OpenExport client = f.open("a")) {
            handler.resizeGate = new CountDownLatch(1);
            assertTrue(refused(Errno.ETIMEDOUT, SIZE / 2, true).startsWith("a is still being resized after 0 s"));
            assertEquals("a is still being resized, try again later", refused(Errno.EBUSY, SIZE / 2, true));
            assertEquals(1, handler.resizings.get());
            assertFalse(takes(client));
            handler.resizeGate.countDown();
            client.awaitOpen();
            assertEquals("", resize(SIZE / 2, true));
            assertEquals(1, handler.resizings.get());
        }
        assertSize(SIZE / 2);
    }

    /** Something that may be refused. */
    private interface Step {
        Object run() throws ControlException;
    }

    private static CompletableFuture<Void> inBackground(Step step) {
        return CompletableFuture.runAsync(() -> {
            try {
                step.run();
            } catch (ControlException e) {
                throw new CompletionException(e);
            }
        });
    }

    private static boolean takes(OpenExport export) {
        return export.submit(new TestRequest(export));
    }

    @Test
    void theSameSizeAgainIsNoWork() throws Exception {
        assertEquals("", resize(SIZE, false));
        assertEquals(0, handler.resizings.get());
        assertSize(SIZE);
    }

    @Test
    void whatCannotBeIsRefused() throws Exception {
        refused(Errno.EINVAL, 0, true);
        refused(Errno.EINVAL, -512, true);
        assertTrue(refused(Errno.EINVAL, SIZE + 1, true).contains("nearest are 1048576 and 1049088"));
        assertEquals(
                "there is no backstore b",
                Fixture.refused(Errno.ENOENT, () -> f.control().resize(H, "b", SIZE, true)));
        f.registry().add("file", new TestHandler(), 0, 2, Fixture.ORIGIN);
        assertTrue(Fixture.refused(Errno.ENOENT, () -> f.control().resize("file", "a", SIZE, true))
                .contains("handler dummy has"));
        handler.storage.disks.computeIfPresent(
                "a", (k, i) -> i.toBuilder().minimumBlock(4096).build());
        assertTrue(refused(Errno.EINVAL, SIZE + 512, true).startsWith("a has blocks of 4096 bytes"));
        f.control().premap(H, "a", false, 30);
        refused(Errno.EBUSY, 2 * SIZE, true);
        assertEquals(0, handler.resizings.get());
    }

    @Test
    void whatTheHandlerMetIsToldAndChangesNothing() throws Exception {
        try (OpenExport client = f.open("a")) {
            handler.failure = new StorageException(Errno.ENOTSUP, "this kind of backstore cannot be resized");
            assertEquals("this kind of backstore cannot be resized", refused(Errno.ENOTSUP, SIZE / 2, true));
            assertSize(SIZE);
            assertTrue(takes(client), "requests wait for what has failed");
            handler.failure = null;
        }
        handler.fixed = true;
        Fixture.await("closed", () -> handler.latest.closed);
        refused(Errno.EROFS, 2 * SIZE, false);
    }

    @Test
    void whatIsOpenForReadingIsOpenedForWriting() throws Exception {
        f.control().premap(H, "a", true, 30);
        try (OpenExport reader = f.exports().openMapped("a", reason -> {})) {
            f.control().postmap(H, "a", Fixture.DEVICE, Fixture.TIME);
            assertTrue(handler.openedWith.get("a").readOnly());
            assertEquals(Fixture.DEVICE, resize(2 * SIZE, false));
            assertTrue(reader.info().readOnly());
            assertEquals(2 * SIZE, reader.reach());
            assertTrue(f.info("a").readOnly());
        }
    }

    @Test
    void whatOthersResizeIsSeenByWhoComesNext() throws Exception {
        try (OpenExport old = f.open("a")) {
            VolumeInfo larger = handler.latest.info.withSize(4 * SIZE);
            handler.storage.disks.put("a", larger);
            handler.latest.info = larger;
            try (OpenExport next = f.open("a")) {
                assertEquals(4 * SIZE, next.info().size());
            }
            assertEquals(SIZE, old.info().size());
            assertSize(4 * SIZE);
        }
    }
}
