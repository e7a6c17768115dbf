package org.nbdrunner.handler.azblk.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.handler.azblk.internal.FakeService.Fault;
import org.nbdrunner.kit.TestRequest;

/** What goes wrong between the handler and the service, and what clients see of it. */
class FaultsTest {
    private static final int SIZE = 8 << 20;
    private static final int BLOCK = 4096;

    private FakeService service;
    private AzblkHandler handler;
    private Cfgstring cfg;

    @BeforeEach
    void start() throws IOException {
        service = new FakeService();
        handler = TestConfig.handler();
        cfg = Cfgstring.parse(service.cfg("disk"));
        handler.create(cfg, SIZE, false, ProgressListener.NONE);
    }

    @AfterEach
    void stop() {
        service.close();
    }

    private Volume open(int seconds) throws IOException {
        return handler.open(cfg, OpenOptions.of(false, Duration.ofSeconds(seconds)));
    }

    private static byte[] data(long seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    private byte[] stored(int offset, int length) {
        byte[] found = new byte[length];
        System.arraycopy(service.blob("disk").data, offset, found, 0, length);
        return found;
    }

    /** The first page operation meets a fault. */
    private void once(Fault fault) {
        AtomicInteger left = new AtomicInteger(1);
        service.plan =
                (method, query) -> (query.contains("comp=page") || method.equals("GET")) && left.getAndDecrement() > 0
                        ? fault
                        : Fault.NONE;
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"BUSY", "PAUSE", "FAIL", "CUT_BEFORE", "CUT_AFTER", "SHORT"})
    void oneFaultIsNotSeen(Fault fault) throws IOException {
        byte[] data = data(1, 65536);
        try (Volume v = open(30)) {
            TestRequest.write(0, data(0, 65536), 0).run(v); // a connection is there
            once(fault);
            TestRequest.write(0, data, 0).run(v);
            assertArrayEquals(data, stored(0, 65536));
            once(fault);
            assertArrayEquals(data, TestRequest.read(0, 65536).run(v).data());
            once(fault);
            TestRequest.of(Command.WRITE_ZEROES, 0, 65536, 0).run(v);
            assertArrayEquals(new byte[65536], stored(0, 65536));
            once(fault);
            assertEquals(
                    List.of(new TestRequest.Extent(SIZE, true, true)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, SIZE, 0).run(v).extents());
        }
    }

    @Test
    void anAnswerThatDoesNotComeIsNotWaitedForToTheEnd() throws IOException {
        byte[] data = data(1, BLOCK);
        try (Volume v = open(9)) {
            once(Fault.STALL);
            TestRequest.write(0, data, 0).run(v);
            assertArrayEquals(data, stored(0, BLOCK));
            once(Fault.STALL);
            assertArrayEquals(data, TestRequest.read(0, BLOCK).run(v).data());
        }
    }

    @Test
    void aLateDuplicateDoesNotOvertakeANewerWrite() throws Exception {
        byte[] older = data(1, BLOCK);
        byte[] newer = data(2, BLOCK);
        try (Volume v = open(30)) {
            once(Fault.LATE);
            TestRequest.write(0, older, 0).run(v);
            assertArrayEquals(older, stored(0, BLOCK));
            TestRequest.write(0, newer, 0).run(v);
            service.late.countDown();
            assertTrue(service.lateDone.await(TestRequest.LIMIT_S, TimeUnit.SECONDS));
            assertEquals(412, service.lateStatus);
            assertArrayEquals(newer, stored(0, BLOCK));
        }
    }

    @Test
    void whatACrashedRunnerLeftBehindDoesNotLandOnNewerWrites() throws Exception {
        byte[] newer = data(2, BLOCK);
        Volume crashed = open(30);
        AtomicInteger left = new AtomicInteger(1);
        service.plan = (method, query) -> {
            boolean pages = query.contains("comp=page");
            return !pages ? Fault.NONE : left.getAndDecrement() > 0 ? Fault.LATE : Fault.STALL;
        };
        TestRequest.write(0, data(1, BLOCK), 0).submit(crashed);
        while (left.get() > 0) {
            Thread.onSpinWait();
        }
        service.plan = (method, query) -> Fault.NONE;
        AzblkHandler next = TestConfig.handler();
        try (Volume v = next.open(cfg, OpenOptions.of(false, Duration.ofSeconds(30)))) {
            // The one that crashed would still retry here: what it has sent so far is what this is about.
            TestRequest.write(BLOCK, newer, 0).run(v);
            service.late.countDown();
            assertTrue(service.lateDone.await(TestRequest.LIMIT_S, TimeUnit.SECONDS));
            assertEquals(412, service.lateStatus);
        }
    }

    @Test
    void twoRunnersOfOneBlobGoOn() throws IOException {
        AzblkHandler other = TestConfig.handler();
        try (Volume a = open(30);
                Volume b = other.open(cfg, OpenOptions.of(false, Duration.ofSeconds(30)))) {
            for (int i = 0; i < 4; i++) {
                once(Fault.CUT_AFTER);
                TestRequest.write(0, data(i, BLOCK), 0).run(i % 2 == 0 ? a : b);
                TestRequest.write(BLOCK, data(i, BLOCK), 0).run(i % 2 == 0 ? b : a);
                assertArrayEquals(data(i, BLOCK), stored(BLOCK, BLOCK));
            }
        }
    }

    @Test
    void acknowledgedWritesSurviveAnyMixOfFaults() throws IOException {
        Random random = new Random(7);
        service.plan = (method, query) -> {
            int p;
            synchronized (random) {
                p = random.nextInt(100);
            }
            Fault[] faults = {Fault.BUSY, Fault.FAIL, Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.SHORT};
            return p < 15 && !query.contains("comp=lease") ? faults[p / 3] : Fault.NONE;
        };
        int blocks = 256;
        try (Volume v = open(60)) {
            for (int round = 0; round < 3; round++) {
                List<TestRequest> writes = new ArrayList<>();
                for (int i = 0; i < blocks; i++) {
                    // Every other one, so that merging does not make few of many.
                    writes.add(TestRequest.write(2L * i * BLOCK, data(round * 1000 + i, BLOCK), 0)
                            .submit(v));
                }
                for (int i = 0; i < blocks; i++) {
                    writes.get(i).await();
                }
                for (int i = 0; i < blocks; i++) {
                    assertArrayEquals(
                            data(round * 1000 + i, BLOCK),
                            TestRequest.read(2L * i * BLOCK, BLOCK).run(v).data());
                }
            }
        }
        assertTrue(service.mostAtOnce.get() <= 16, "in flight: " + service.mostAtOnce);
    }

    private StorageException refused(Volume v, TestRequest request) {
        long began = System.nanoTime();
        StorageException e = assertThrows(StorageException.class, () -> request.run(v));
        long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
        assertTrue(seconds < 30, "was retried for " + seconds + " s, though that cannot help");
        return e;
    }

    @Test
    void whatCannotGetBetterIsAnErrorAtOnceThatSaysWhich() throws IOException {
        try (Volume v = open(120)) {
            service.sas = "another";
            StorageException e = refused(v, TestRequest.write(0, data(1, BLOCK), 0));
            assertEquals(Errno.EACCES, e.errno());
            assertTrue(e.getMessage().contains("its SAS does not allow this"), e.getMessage());
            assertTrue(!e.getMessage().contains("good"), e.getMessage());
            service.sas = FakeService.SAS;
            service.blob("disk").lease = "somebody-else";
            e = refused(v, TestRequest.write(0, data(1, BLOCK), 0));
            assertEquals(Errno.EBUSY, e.errno());
            assertTrue(e.getMessage().contains("it is leased"), e.getMessage());
            service.blobs.clear();
            e = refused(v, TestRequest.read(0, BLOCK));
            assertEquals(Errno.ENOENT, e.errno());
            assertTrue(e.getMessage().contains("there is no such blob"), e.getMessage());
        }
    }

    @Test
    void aReplacedBlobIsNotWritten() throws IOException {
        try (Volume v = open(120)) {
            handler.delete(cfg);
            handler.create(cfg, SIZE, false, ProgressListener.NONE);
            StorageException e = refused(v, TestRequest.write(0, data(1, BLOCK), 0));
            assertTrue(e.getMessage().contains("replaced by another blob"), e.getMessage());
            assertArrayEquals(new byte[BLOCK], stored(0, BLOCK));
        }
    }

    @Test
    void anExpiredSasIsCalledSo() throws IOException {
        service.sas = "sig=x";
        Cfgstring expired = Cfgstring.parse(service.key("disk") + ";http;sas=se=2020-01-01T00%3A00%3A00Z&sig=old");
        StorageException e = assertThrows(
                StorageException.class, () -> handler.open(expired, OpenOptions.of(false, Duration.ofSeconds(30))));
        assertEquals(Errno.EACCES, e.errno());
        assertTrue(e.getMessage().contains("has expired at 2020-01-01T00:00:00Z"), e.getMessage());
    }

    @Test
    void timeEndsWhatFaultsDoNot() throws IOException {
        try (Volume v = open(3)) {
            service.plan = (method, query) -> Fault.BUSY;
            StorageException e = refused(v, TestRequest.read(0, BLOCK));
            assertEquals(Errno.ETIMEDOUT, e.errno());
            assertTrue(e.getMessage().contains("ServerBusy"), e.getMessage());
            service.plan = (method, query) -> Fault.NONE;
            TestRequest.read(0, BLOCK).run(v);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"CUT_AFTER", "FAIL", "BUSY"})
    void creatingAndDeletingAreDoneOnceThoughAnswersAreLost(Fault fault) throws IOException {
        Cfgstring other = Cfgstring.parse(service.cfg("other"));
        AtomicInteger left = new AtomicInteger(1);
        service.plan = (method, query) -> !method.equals("HEAD") && left.getAndDecrement() > 0 ? fault : Fault.NONE;
        handler.create(other, SIZE, false, ProgressListener.NONE);
        left.set(1);
        handler.delete(other);
        assertEquals(1, service.blobs.size());
    }

    @Test
    void aServiceThatIsNotThereIsToldSoon() throws IOException {
        service.close();
        StorageException e = assertThrows(StorageException.class, () -> handler.delete(cfg));
        assertEquals(Errno.ECONNREFUSED, e.errno());
        Cfgstring nowhere = Cfgstring.parse("no-such-host.invalid/vhds/disk;sas=" + FakeService.SAS);
        e = assertThrows(StorageException.class, () -> handler.delete(nowhere));
        assertEquals(Errno.EHOSTUNREACH, e.errno());
    }
}
