package org.nbdrunner.handler.file.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.kit.TestRequest;
import org.nbdrunner.kit.TestRequest.Extent;

/** What the volume does with the file, call by call. */
class FileVolumeTest {
    private static final OpenOptions WRITE = OpenOptions.of(false, Duration.ofSeconds(30));
    private static final int MIB = 1 << 20;

    @TempDir
    private Path root;

    private FaultySyscalls faulty;
    private FileHandler handler;
    private Cfgstring cfg;
    private final List<Thread> writers = Collections.synchronizedList(new ArrayList<>());

    @BeforeEach
    void prepare() throws IOException {
        faulty = FaultySyscalls.of(NativeSyscalls.load());
        handler = new FileHandler(faulty.calls(), root, 4);
        cfg = Cfgstring.parse("disk");
        handler.create(cfg, 64L * MIB, false, ProgressListener.NONE);
    }

    private Volume open() throws IOException {
        return handler.open(cfg, WRITE);
    }

    private static byte[] random(int seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    private static Errno failure(TestRequest r, Volume v) {
        return assertThrows(StorageException.class, () -> r.run(v)).errno();
    }

    private static TestRequest flush() {
        return TestRequest.of(Command.FLUSH, 0, 0, 0);
    }

    @Test
    void flushAndForcedRequestsReachTheDisk() throws IOException {
        try (Volume v = open()) {
            int before = faulty.count("fdatasync");
            TestRequest.write(0, random(1, 4096), 0).run(v);
            assertEquals(before, faulty.count("fdatasync"));
            flush().run(v);
            TestRequest.write(0, random(2, 4096), TestRequest.FUA).run(v);
            TestRequest.of(Command.TRIM, 0, 4096, TestRequest.FUA).run(v);
            TestRequest.of(Command.WRITE_ZEROES, 0, 4096, TestRequest.FUA).run(v);
            assertEquals(before + 4, faulty.count("fdatasync"));
        }
    }

    @Test
    void afterAFailedSyncNothingIsCalledDurable() throws IOException {
        try (Volume v = open()) {
            TestRequest.write(0, random(1, 4096), 0).run(v);
            faulty.failing("fdatasync", -5);
            assertEquals(Errno.EIO, failure(flush(), v));
            faulty.heal("fdatasync");
            int before = faulty.count("fdatasync");
            assertEquals(Errno.EIO, failure(flush(), v));
            assertEquals(Errno.EIO, failure(TestRequest.write(0, new byte[512], TestRequest.FUA), v));
            assertEquals(before, faulty.count("fdatasync"), "the kernel was asked again");
            TestRequest.read(0, 4096).run(v);
        }
        try (Volume v = open()) {
            flush().run(v);
        }
    }

    @Test
    void everyFailedSyncIsEio() throws IOException {
        try (Volume v = open()) {
            faulty.failing("fdatasync", -28);
            assertEquals(Errno.EIO, failure(flush(), v));
        }
    }

    @Test
    void manyForcedWritesShareSyncs() throws Exception {
        try (Volume v = open()) {
            int before = faulty.count("fdatasync");
            List<TestRequest> all = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                all.add(TestRequest.write(i * 4096L, random(i, 4096), TestRequest.FUA)
                        .submit(v));
            }
            for (TestRequest r : all) {
                r.await();
                assertEquals(1, r.completions());
            }
            int syncs = faulty.count("fdatasync") - before;
            assertTrue(syncs > 0 && syncs < 500, syncs + " syncs for 500 writes");
        }
    }

    @Test
    void aFileCutShortIsAnErrorAndNotZeroes() throws IOException {
        try (Volume v = open()) {
            TestRequest.write(32L * MIB, random(1, MIB), 0).run(v);
            try (FileChannel c = FileChannel.open(root.resolve("disk"), StandardOpenOption.WRITE)) {
                c.truncate(32L * MIB + 1000);
            }
            assertEquals(Errno.EIO, failure(TestRequest.read(32L * MIB, 4096), v));
            assertEquals(Errno.EIO, failure(TestRequest.read(40L * MIB, 4096), v));
            assertEquals(Errno.EIO, failure(TestRequest.of(Command.BLOCK_STATUS, 0, 64L * MIB, 0), v));
            TestRequest.read(0, 4096).run(v);
        }
    }

    @Test
    void trimGivesSpaceBack() throws IOException {
        try (Volume v = open();
                Directory d = Directory.open(faulty.calls(), root)) {
            TestRequest.write(0, random(1, 8 * MIB), 0).run(v);
            flush().run(v);
            assertTrue(d.status("disk").allocated() >= 8 * MIB);
            TestRequest.of(Command.TRIM, 0, 8 * MIB, TestRequest.FUA).run(v);
            assertEquals(0, d.status("disk").allocated());
            TestRequest.of(Command.WRITE_ZEROES, 0, 8 * MIB, TestRequest.NO_HOLE | TestRequest.FUA)
                    .run(v);
            assertTrue(d.status("disk").allocated() >= 8 * MIB, "zeroes that were to be allocated are a hole");
            TestRequest.of(Command.WRITE_ZEROES, 0, 8 * MIB, TestRequest.FUA).run(v);
            assertEquals(0, d.status("disk").allocated());
            assertEquals(64L * MIB, d.status("disk").size());
        }
    }

    @Test
    void extentsAlternate() throws IOException {
        try (Volume v = open()) {
            TestRequest.write(MIB, random(1, MIB), 0).run(v);
            TestRequest.write(4L * MIB, random(2, MIB), 0).run(v);
            flush().run(v);
            List<Extent> told =
                    TestRequest.of(Command.BLOCK_STATUS, 0, 64L * MIB, 0).run(v).extents();
            assertEquals(
                    List.of(
                            new Extent(MIB, true, true),
                            new Extent(MIB, false, false),
                            new Extent(2 * MIB, true, true),
                            new Extent(MIB, false, false),
                            new Extent(59L * MIB, true, true)),
                    told);
            assertEquals(
                    1,
                    TestRequest.of(Command.BLOCK_STATUS, 0, 64L * MIB, TestRequest.ONE_EXTENT)
                            .run(v)
                            .extents()
                            .size());
        }
    }

    @Test
    void reservedSpaceIsZeroAndNoHole() throws IOException {
        Cfgstring full = Cfgstring.parse("full");
        handler.create(full, MIB, true, ProgressListener.NONE);
        try (Volume v = handler.open(full, WRITE)) {
            assertEquals(
                    List.of(new Extent(MIB, false, true)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, MIB, 0).run(v).extents());
        }
    }

    @Test
    void withoutHolesZeroesAreWritten() throws IOException {
        faulty.failing("fallocate", -Syscalls.EOPNOTSUPP);
        byte[] data = random(1, 3 * MIB);
        try (Volume v = open()) {
            assertFalse(v.info().can(Capability.TRIM));
            assertFalse(v.info().can(Capability.FAST_ZERO));
            TestRequest.write(0, data, 0).run(v);
            TestRequest.of(Command.WRITE_ZEROES, 100, 2 * MIB, 0).run(v);
            Arrays.fill(data, 100, 100 + 2 * MIB, (byte) 0);
            assertArrayEquals(data, TestRequest.read(0, 3 * MIB).run(v).data());
        }
    }

    @Test
    void errorsOfTheDiskAreErrorsOfTheRequest() throws IOException {
        try (Volume v = open()) {
            faulty.failing("pwrite", -28);
            assertEquals(Errno.ENOSPC, failure(TestRequest.write(0, new byte[4096], 0), v));
            assertEquals(Errno.ENOSPC, failure(TestRequest.write(0, new byte[4096], TestRequest.FUA), v));
            assertEquals(Errno.ENOSPC, failure(TestRequest.write(0, new byte[100], 0), v));
            faulty.heal("pwrite");
            faulty.failing("preadNoWait", -Syscalls.EAGAIN).failing("pread", -5);
            assertEquals(Errno.EIO, failure(TestRequest.read(0, 4096), v));
            faulty.heal("pread");
            TestRequest.read(0, 4096).run(v);
        }
    }

    @Test
    void whatTheCacheHasIsReadOnTheCallersThread() throws IOException {
        try (Volume v = open()) {
            byte[] data = random(1, 65536);
            TestRequest.write(0, data, 0).run(v);
            int before = faulty.count("pread");
            TestRequest r = TestRequest.read(0, 65536).submit(v);
            assertEquals(1, r.completions(), "it was handed over");
            assertArrayEquals(data, r.data());
            assertEquals(before, faulty.count("pread"));
            faulty.failing("preadNoWait", -Syscalls.EAGAIN);
            assertArrayEquals(data, TestRequest.read(0, 65536).run(v).data());
            assertTrue(faulty.count("pread") > before);
        }
    }

    @Test
    void writesAreHandedOverWhileTheKernelSlowsThemDown() throws IOException {
        AtomicLong time = new AtomicLong();
        FileHandler slow = new FileHandler(
                (Syscalls) Proxy.newProxyInstance(
                        Syscalls.class.getClassLoader(),
                        new Class<?>[] {Syscalls.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("pwrite")) {
                                writers.add(Thread.currentThread());
                                time.addAndGet(Patience.SLOW + 1);
                            }
                            return method.invoke(faulty.calls(), arguments);
                        }),
                root,
                2,
                time::get);
        try (Volume v = slow.open(cfg, WRITE)) {
            for (int i = 0; i < 3; i++) {
                if (i == 2) {
                    time.addAndGet(Patience.PAUSE + 1);
                }
                TestRequest.write(0, new byte[4096], 0).run(v);
            }
        }
        Thread me = Thread.currentThread();
        assertEquals(
                List.of(true, false, true), writers.stream().map(t -> t == me).toList());
    }

    @Test
    void disjointWritersDoNotDisturbEachOther() throws Exception {
        int threads = 4;
        AtomicReference<Throwable> failed = new AtomicReference<>();
        try (Volume v = open()) {
            CountDownLatch start = new CountDownLatch(1);
            List<Thread> all = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                int me = t;
                Thread thread = new Thread(() -> {
                    try {
                        start.await();
                        byte[] model = new byte[4 * MIB];
                        Random random = new Random(me);
                        for (int i = 0; i < 300; i++) {
                            int length = 1 + random.nextInt(100_000);
                            int at = random.nextInt(model.length - length);
                            long base = me * 4L * MIB;
                            switch (random.nextInt(4)) {
                                case 0 -> {
                                    TestRequest.of(Command.WRITE_ZEROES, base + at, length, random.nextInt(2) * 2)
                                            .run(v);
                                    Arrays.fill(model, at, at + length, (byte) 0);
                                }
                                case 1 -> {
                                    byte[] expected = Arrays.copyOfRange(model, at, at + length);
                                    assertArrayEquals(
                                            expected,
                                            TestRequest.read(base + at, length)
                                                    .run(v)
                                                    .data());
                                }
                                default -> {
                                    byte[] data = random(random.nextInt(), length);
                                    TestRequest.write(base + at, data, 0).run(v);
                                    System.arraycopy(data, 0, model, at, length);
                                }
                            }
                        }
                        assertArrayEquals(
                                model,
                                TestRequest.read(me * 4L * MIB, model.length)
                                        .run(v)
                                        .data());
                    } catch (Throwable e) {
                        failed.compareAndSet(null, e);
                    }
                });
                thread.start();
                all.add(thread);
            }
            start.countDown();
            for (Thread t : all) {
                t.join(TimeUnit.SECONDS.toMillis(120));
                assertFalse(t.isAlive());
            }
        }
        if (failed.get() != null) {
            throw new AssertionError(failed.get());
        }
    }

    @Test
    void theInlinePathMakesNoGarbage() throws IOException {
        FileHandler real = new FileHandler(NativeSyscalls.load(), root, 2, () -> 0);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int count = 20_000;
        try (Volume v = real.open(cfg, WRITE)) {
            TestRequest.write(0, random(1, MIB), 0).run(v);
            for (Command command : List.of(Command.READ, Command.WRITE)) {
                Reused request = new Reused(command);
                long least = Long.MAX_VALUE;
                // The least of several rounds: the first ones compile, and the kernel may slow one down so that it is
                // handed over.
                for (int round = 0; round < 8; round++) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    for (int i = 0; i < count; i++) {
                        request.at((i & 255) * 4096L);
                        v.submit(request);
                        request.await();
                    }
                    least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                }
                assertTrue(least < count, command + ": " + least + " bytes for " + count + " requests");
            }
        }
        assertTrue(Files.exists(root.resolve("disk")));
    }

    /** A request that makes no garbage itself. */
    private static final class Reused implements IoRequest {
        private final Command command;
        private final ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
        private volatile boolean done;
        private volatile String failure;
        private long offset;

        Reused(Command command) {
            this.command = command;
        }

        void at(long value) {
            offset = value;
            done = false;
        }

        void await() {
            while (!done) {
                Thread.onSpinWait();
            }
            if (failure != null) {
                throw new AssertionError(failure);
            }
        }

        @Override
        public Command command() {
            return command;
        }

        @Override
        public long offset() {
            return offset;
        }

        @Override
        public long length() {
            return 4096;
        }

        @Override
        public ByteBuffer buffer() {
            return buffer;
        }

        @Override
        public boolean fua() {
            return false;
        }

        @Override
        public boolean noHole() {
            return false;
        }

        @Override
        public boolean fastZero() {
            return false;
        }

        @Override
        public boolean oneExtent() {
            return false;
        }

        @Override
        public boolean extent(long length, boolean hole, boolean zero) {
            return false;
        }

        @Override
        public void complete() {
            done = true;
        }

        @Override
        public void fail(Errno error, String message) {
            failure = message;
            done = true;
        }
    }

    @Test
    void whatOthersMakeOfTheFileIsSeenByWhoComesNext() throws IOException {
        Path file = root.resolve("disk");
        byte[] data = random(1, 4096);
        try (Volume v = open();
                FileChannel other = FileChannel.open(file, StandardOpenOption.WRITE)) {
            other.write(ByteBuffer.wrap(data), 128L * MIB - data.length);
            assertEquals(128L * MIB, v.info().size());
            assertArrayEquals(
                    data,
                    TestRequest.read(128L * MIB - data.length, data.length)
                            .run(v)
                            .data());
            other.truncate(MIB + 100);
            assertEquals(MIB, v.info().size(), "whole sectors only");
            assertEquals(Errno.EIO, failure(TestRequest.read(MIB - 512, 1024), v));
            assertEquals(Errno.EIO, failure(TestRequest.write(2L * MIB, data, 0), v));
            assertEquals(MIB + 100, Files.size(file), "a client that does not know made it longer again");
            flush().run(v);
        }
    }

    @Test
    void aNewSizeIsOnTheDiskWhenItIsAcknowledged() throws IOException {
        try (Volume v = open()) {
            int before = faulty.count("fsync");
            v.resize(128L * MIB);
            assertEquals(before + 1, faulty.count("fsync"));
            faulty.failing("ftruncate", -27);
            assertEquals(
                    Errno.EFBIG,
                    assertThrows(StorageException.class, () -> v.resize(256L * MIB))
                            .errno());
            assertEquals(128L * MIB, v.info().size());
        }
    }
}
