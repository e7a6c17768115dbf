package org.nbdrunner.handler.gluster.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.kit.TestRequest;

@Timeout(60)
class GlusterVolumeTest {
    private final FakeGfapi gfapi = new FakeGfapi();

    private Volume open(Duration timeout) throws IOException {
        return new GlusterHandler(gfapi, "localhost", 60, "")
                .open(Cfgstring.parse("vol/disk"), OpenOptions.of(false, timeout));
    }

    private Volume open() throws IOException {
        return open(Duration.ofMinutes(10));
    }

    private void script(long... results) {
        for (long r : results) {
            gfapi.script.add(r);
        }
    }

    @Test
    void whatBricksDoNotAnswerIsTriedAgain() throws IOException {
        try (Volume v = open()) {
            script(-Gfapi.ENOTCONN, -Gfapi.EBADFD, -Gfapi.ENOTCONN);
            TestRequest.write(4096, new byte[4096], TestRequest.FUA).run(v);
            String write = "durable write 4096 at 4096";
            assertEquals(List.of(write, write, write, write), gfapi.begun);
        }
    }

    @Test
    void onlyAsLongAsTheMappingWaits() throws IOException {
        try (Volume v = open(Duration.ofMillis(1))) {
            script(-Gfapi.ENOTCONN);
            StorageException e = assertThrows(
                    StorageException.class, () -> TestRequest.read(0, 4096).run(v));
            assertEquals(Errno.ENOTCONN, e.errno());
            assertEquals(1, gfapi.begun.size());
        }
    }

    @Test
    void otherErrorsAreToldAtOnce() throws IOException {
        try (Volume v = open()) {
            script(-Gfapi.ENOSPC, -Gfapi.EIO);
            assertEquals(
                    Errno.ENOSPC,
                    assertThrows(
                                    StorageException.class,
                                    () -> TestRequest.of(Command.FLUSH, 0, 0, 0).run(v))
                            .errno());
            assertEquals(
                    Errno.EIO,
                    assertThrows(
                                    StorageException.class,
                                    () -> TestRequest.write(0, new byte[512], 0).run(v))
                            .errno());
            assertEquals(2, gfapi.begun.size());
        }
    }

    @Test
    void shortReadsGoOnAndTheEndOfTheFileIsAnError() throws IOException {
        try (Volume v = open()) {
            script(1000);
            TestRequest.read(0, 4096).run(v);
            assertEquals(List.of("read 4096 at 0", "read 3096 at 1000"), gfapi.begun);
            script(0);
            assertThrows(StorageException.class, () -> TestRequest.read(0, 4096).run(v));
        }
    }

    @Test
    void zeroesAreWrittenWhereNothingBetterWorks() throws IOException {
        try (Volume v = open()) {
            script(-Gfapi.EOPNOTSUPP, -Gfapi.EOPNOTSUPP);
            TestRequest.of(Command.WRITE_ZEROES, 0, 8192, TestRequest.FUA).run(v);
            assertEquals(List.of("discard 8192 at 0", "zerofill 8192 at 0", "write 8192 at 0", "sync"), gfapi.begun);
            StorageException e = assertThrows(
                    StorageException.class,
                    () -> TestRequest.of(Command.WRITE_ZEROES, 0, 8192, TestRequest.FAST_ZERO)
                            .run(v));
            assertEquals(Errno.ENOTSUP, e.errno());
        }
    }

    @Test
    void theFileIsClosedWhenNothingIsInFlightAnyMore() throws Exception {
        Volume v = open();
        gfapi.held = new ArrayList<>();
        TestRequest read = TestRequest.read(0, 4096);
        read.submit(v);
        Thread closing = new Thread(() -> {
            try {
                v.close();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        closing.start();
        while (closing.isAlive() && closing.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        assertEquals(0, gfapi.closed.get());
        gfapi.held.forEach(Runnable::run);
        read.await();
        closing.join();
        assertEquals(1, gfapi.closed.get());
    }

    @Test
    void aServerThatHangsIsToldAndLaterUsed() throws IOException {
        gfapi.hanging = new CountDownLatch(1);
        GlusterHandler handler = new GlusterHandler(gfapi, "localhost", 1, "");
        Cfgstring cfg = Cfgstring.parse("vol/disk");
        OpenOptions options = OpenOptions.of(false, Duration.ofSeconds(30));
        StorageException e = assertThrows(StorageException.class, () -> handler.open(cfg, options));
        assertEquals(Errno.ETIMEDOUT, e.errno());
        assertTrue(e.getMessage().contains("glusterd"), e.getMessage());
        gfapi.hanging.countDown();
        handler.open(cfg, options).close();
    }

    @Test
    void errorsOfConnectingAreExplained() throws IOException {
        GlusterHandler handler = new GlusterHandler(gfapi, "localhost", 60, "");
        gfapi.initResult = -Gfapi.ENOENT;
        StorageException e = assertThrows(StorageException.class, () -> handler.delete(Cfgstring.parse("vol/disk")));
        assertEquals(Errno.ENOENT, e.errno());
        gfapi.initResult = -Gfapi.EIO;
        e = assertThrows(StorageException.class, () -> handler.delete(Cfgstring.parse("vol/disk")));
        assertTrue(e.getMessage().contains("stopped"), e.getMessage());
    }
}
