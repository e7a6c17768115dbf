package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;

/** A write that a lost connection has left behind never lands on those of its successor. */
@Timeout(60)
class FencingTest {
    private static final String H = Fixture.HANDLER;

    @TempDir
    Path directory;

    private final TestHandler handler = new TestHandler();
    private final List<String> revoked = new ArrayList<>();
    private Fixture f;
    private OpenExport old;
    private TestRequest left;

    @BeforeEach
    void loseAConnectionWithAWriteInFlight() throws Exception {
        f = new Fixture(directory, handler);
        f.create("a");
        old = f.map("a", reason -> revoked.add(reason));
        handler.behaviour = TestVolume.Behaviour.HOLD;
        left = TestRequest.taken(old);
        handler.behaviour = TestVolume.Behaviour.COMPLETE;
        old.disconnected();
    }

    @AfterEach
    void stop() throws IOException {
        handler.latest.releaseHeld();
        f.close();
        handler.storage.assertUnharmed();
    }

    private OpenExport comeBack(int timeout) throws Exception {
        assertEquals(Fixture.DEVICE, f.control().premap(H, "a", false, timeout).device());
        OpenExport export = f.exports().openMapped("a", reason -> {});
        f.control().postmap(H, "a", Fixture.DEVICE, Fixture.TIME);
        return export;
    }

    @Test
    void theMappingIsDeadWhileTheWriteStillRuns() throws Exception {
        assertEquals(BackstoreState.DEAD, f.state("a"));
        old.disconnected();
        assertEquals(BackstoreState.DEAD, f.state("a"));
        assertFalse(handler.latest.closed);
        Fixture.refused(Errno.EIO, old::awaitOpen);
    }

    @Test
    void theSuccessorWaitsForTheWrite() throws Exception {
        OpenExport next = comeBack(30);
        assertEquals(List.of("a newer connection has taken the mapping over"), revoked);
        int served = handler.latest.served.get();
        assertFalse(next.submit(new TestRequest(next)));
        Thread waiting = new Thread(() -> {
            try {
                next.awaitOpen();
                TestRequest.taken(next);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        waiting.start();
        Fixture.await("waiting", () -> waiting.getState() == Thread.State.TIMED_WAITING);
        assertEquals(served, handler.latest.served.get(), "it got through while the old write runs");
        assertEquals(BackstoreState.MAPPED, f.state("a"));
        handler.latest.releaseHeld();
        waiting.join();
        assertTrue(left.done());
        assertEquals(served + 1, handler.latest.served.get());
    }

    @Test
    void theOldConnectionWritesNoMore() throws Exception {
        OpenExport next = comeBack(30);
        handler.latest.releaseHeld();
        next.awaitOpen();
        int served = handler.latest.served.get();
        assertFalse(old.submit(new TestRequest(old)));
        String message = Fixture.refused(Errno.EIO, old::awaitOpen);
        assertEquals("dummy/a: a newer connection has taken the mapping over", message);
        assertEquals(served, handler.latest.served.get());
        old.close(false);
        assertEquals(BackstoreState.MAPPED, f.state("a"), "the end of an old connection says nothing of the new one");
        assertTrue(TestRequest.taken(next).done());
    }

    @Test
    void aClosedConnectionIsFencedToo() throws Exception {
        f.open("a"); // keeps the volume open
        old.close(false);
        OpenExport next = comeBack(30);
        assertFalse(next.submit(new TestRequest(next)));
        handler.latest.releaseHeld();
        next.awaitOpen();
        assertTrue(TestRequest.taken(next).done());
    }

    @Test
    void theWaitIsBounded() throws Exception {
        OpenExport next = comeBack(1);
        String message = Fixture.refused(Errno.EIO, next::awaitOpen);
        assertEquals("dummy/a: requests of a lost connection have not completed for over 1 s", message);
        Fixture.refused(Errno.EIO, next::awaitOpen);
        handler.latest.releaseHeld();
        next.awaitOpen();
        assertTrue(TestRequest.taken(next).done());
    }

    @Test
    void connectionsOutsideOfTheMappingDoNotWait() throws Exception {
        OpenExport newstyle = f.open("a");
        assertTrue(TestRequest.taken(newstyle).done());
    }

    @Test
    void sistersOfALostConnectionWaitToo() throws Exception {
        handler.latest.releaseHeld();
        OpenExport one = comeBack(30);
        OpenExport two = f.exports().openMapped("a", reason -> {});
        handler.behaviour = TestVolume.Behaviour.HOLD;
        TestRequest.taken(one);
        TestRequest.taken(two);
        handler.behaviour = TestVolume.Behaviour.COMPLETE;
        one.disconnected();
        assertEquals(BackstoreState.MAPPED, f.state("a"), "one connection is left");
        assertFalse(two.submit(new TestRequest(two)), "the client may send again through it what the other one left");
        handler.latest.releaseHeld();
        two.awaitOpen();
        assertTrue(TestRequest.taken(two).done());
    }

    @Test
    void aBackstoreIsNotDeletedUnderARequest() throws Exception {
        f.control().unmap(H, "a", "");
        old.close(false);
        assertEquals(BackstoreState.CREATED, f.state("a"));
        Fixture.refused(Errno.EBUSY, () -> f.control().delete(H, "a"));
        handler.latest.releaseHeld();
        Fixture.await("closed", () -> handler.latest.closed);
        f.control().delete(H, "a");
    }
}
