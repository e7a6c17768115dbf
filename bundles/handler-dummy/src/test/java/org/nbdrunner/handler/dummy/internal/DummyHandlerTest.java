package org.nbdrunner.handler.dummy.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.kit.HandlerContract;
import org.nbdrunner.kit.TestRequest;
import org.nbdrunner.kit.TestRequest.Extent;

class DummyHandlerTest extends HandlerContract {
    private static final long CHUNK = 1 << 18;
    private static final OpenOptions OPEN = OpenOptions.of(false, Duration.ofSeconds(30));

    @Override
    protected Handler handler() {
        return new DummyHandler(Long.MAX_VALUE);
    }

    @Test
    void theLimitIsKeptAndGivenBack() throws IOException {
        DummyHandler handler = new DummyHandler(1 << 20);
        Cfgstring cfg = Cfgstring.parse("a");
        handler.create(cfg, 1L << 40, false, ProgressListener.NONE);
        try (Volume v = handler.open(cfg, OPEN)) {
            for (int i = 0; i < 4; i++) {
                TestRequest.write((long) i << 30, new byte[512], 0).run(v);
            }
            TestRequest fifth = TestRequest.write(5L << 30, new byte[512], 0);
            assertEquals(
                    Errno.ENOSPC,
                    assertThrows(StorageException.class, () -> fifth.run(v)).errno());
            TestRequest.of(Command.TRIM, 0, 1L << 30, 0).run(v);
            TestRequest.write(6L << 30, new byte[512], 0).run(v);
        }
        Cfgstring big = Cfgstring.parse("b");
        assertEquals(
                Errno.ENOSPC,
                assertThrows(StorageException.class, () -> handler.create(big, 2 << 20, true, ProgressListener.NONE))
                        .errno());
        handler.delete(cfg);
        handler.create(big, 1 << 20, true, ProgressListener.NONE);
    }

    @Test
    void theHugestDiskCostsLittleAndWorks() throws IOException {
        DummyHandler handler = new DummyHandler(1 << 20);
        Cfgstring cfg = Cfgstring.parse("huge");
        long size = Long.MAX_VALUE - 511;
        handler.create(cfg, size, false, ProgressListener.NONE);
        byte[] data = random(1, 8192);
        try (Volume v = handler.open(cfg, OPEN)) {
            assertArrayEquals(
                    new byte[4096], TestRequest.read(size - 4096, 4096).run(v).data());
            TestRequest.write(size - 8192, data, 0).run(v);
            TestRequest.write((1L << 44) - 4096, data, 0).run(v);
            assertArrayEquals(data, TestRequest.read(size - 8192, 8192).run(v).data());
            assertArrayEquals(
                    data, TestRequest.read((1L << 44) - 4096, 8192).run(v).data());
            long end = size - (size & (CHUNK - 1));
            assertEquals(
                    List.of(
                            new Extent((1L << 44) - CHUNK, true, true),
                            new Extent(2 * CHUNK, false, false),
                            new Extent(end - (1L << 44) - CHUNK, true, true),
                            new Extent(size - end, false, false)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, size, 0).run(v).extents());
            TestRequest.of(Command.TRIM, 0, size, 0).run(v);
            assertEquals(
                    List.of(new Extent(size, true, true)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, size, 0).run(v).extents());
        }
        assertEquals(
                Errno.ENOSPC,
                assertThrows(
                                StorageException.class,
                                () -> handler.create(Cfgstring.parse("b"), size, true, ProgressListener.NONE))
                        .errno());
        assertEquals(
                Errno.ENOENT,
                assertThrows(StorageException.class, () -> handler.open(Cfgstring.parse("b"), OPEN))
                        .errno());
    }

    @Test
    void wholeChunksAreGivenUpAndPartsAreZeroed() throws IOException {
        long size = 4 * CHUNK + 512;
        DummyHandler handler = new DummyHandler(Long.MAX_VALUE);
        Cfgstring cfg = Cfgstring.parse("a");
        handler.create(cfg, size, true, ProgressListener.NONE);
        try (Volume v = handler.open(cfg, OPEN)) {
            assertEquals(
                    List.of(new Extent(size, false, false)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, size, 0).run(v).extents());
            byte[] data = random(2, (int) size);
            TestRequest.write(0, data, 0).run(v);
            TestRequest.of(Command.WRITE_ZEROES, CHUNK - 100, size - CHUNK + 100, TestRequest.NO_HOLE)
                    .run(v);
            assertEquals(
                    1,
                    TestRequest.of(Command.BLOCK_STATUS, 0, size, 0)
                            .run(v)
                            .extents()
                            .size());
            TestRequest.write(0, data, 0).run(v);
            TestRequest.of(Command.WRITE_ZEROES, CHUNK - 100, 2 * CHUNK, TestRequest.FAST_ZERO)
                    .run(v);
            TestRequest.of(Command.TRIM, 4 * CHUNK, 512, 0).run(v);
            Arrays.fill(data, (int) CHUNK - 100, 3 * (int) CHUNK - 100, (byte) 0);
            Arrays.fill(data, 4 * (int) CHUNK, (int) size, (byte) 0);
            assertArrayEquals(data, TestRequest.read(0, (int) size).run(v).data());
            assertEquals(
                    List.of(
                            new Extent(CHUNK, false, false),
                            new Extent(CHUNK, true, true),
                            new Extent(2 * CHUNK, false, false),
                            new Extent(512, true, true)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, size, 0).run(v).extents());
        }
    }

    @Test
    void anotherLimitLeavesTheDisks() throws IOException {
        DummyHandler handler = new DummyHandler(config(1));
        Cfgstring cfg = Cfgstring.parse("a");
        handler.create(cfg, 1 << 20, true, ProgressListener.NONE);
        Cfgstring more = Cfgstring.parse("b");
        assertThrows(StorageException.class, () -> handler.create(more, 1 << 20, true, ProgressListener.NONE));
        handler.modified(config(2));
        handler.create(more, 1 << 20, true, ProgressListener.NONE);
        handler.modified(config(1));
        handler.open(cfg, OPEN).close();
    }

    private static DummyHandler.Configuration config(long mib) {
        return (DummyHandler.Configuration) Proxy.newProxyInstance(
                DummyHandler.class.getClassLoader(),
                new Class<?>[] {DummyHandler.Configuration.class},
                (proxy, method, arguments) -> mib);
    }

    /** One thread trims a chunk all the time that others write and read beside it, and in it. */
    @Test
    void trimmingHarmsNobodyElse() throws Exception {
        DummyHandler handler = new DummyHandler(64 << 20);
        Cfgstring cfg = Cfgstring.parse("a");
        handler.create(cfg, 8 * CHUNK, false, ProgressListener.NONE);
        AtomicReference<Throwable> failed = new AtomicReference<>();
        try (Volume v = handler.open(cfg, OPEN)) {
            List<Thread> all = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                int me = t;
                Thread thread = new Thread(() -> {
                    try {
                        byte[] mine = random(me, 4096);
                        for (int i = 0; i < 3000; i++) {
                            // Chunk 1 is trimmed by thread 0: what is there is mine or zero, and never another's.
                            long shared = CHUNK + me * 4096L;
                            long own = 2 * CHUNK + (i % 16 * 4 + me) * 4096L;
                            if (me == 0) {
                                TestRequest.of(Command.TRIM, CHUNK, CHUNK, 0).run(v);
                            } else {
                                TestRequest.write(shared, mine, 0).run(v);
                                byte[] seen =
                                        TestRequest.read(shared, 4096).run(v).data();
                                for (int b = 0; b < 4096; b++) {
                                    assertTrue(seen[b] == mine[b] || seen[b] == 0, "a foreign byte");
                                }
                            }
                            TestRequest.write(own, mine, 0).run(v);
                            assertArrayEquals(
                                    mine, TestRequest.read(own, 4096).run(v).data());
                        }
                    } catch (Throwable e) {
                        failed.compareAndSet(null, e);
                    }
                });
                thread.start();
                all.add(thread);
            }
            for (Thread t : all) {
                t.join();
            }
        }
        if (failed.get() != null) {
            throw new AssertionError(failed.get());
        }
        handler.delete(cfg);
        handler.create(cfg, 64 << 20, true, ProgressListener.NONE); // all of the budget is back
    }

    private static byte[] random(int seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    @Test
    void theDataPathMakesNoGarbage() throws IOException {
        Disk disk = new Disk(1 << 24, new MemoryBudget(Long.MAX_VALUE));
        ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long spent = 0;
        for (int round = 0; round < 2; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 100_000; i++) {
                disk.write(buffer, (i & 1023) * 4096L);
                disk.read(buffer, (i & 1023) * 4096L);
            }
            spent = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertTrue(spent < 100_000, spent + " bytes for 200,000 requests");
    }

    @Test
    void aDiskGrowsBeyondWhatItWasMadeFor() throws IOException {
        DummyHandler handler = new DummyHandler(Long.MAX_VALUE);
        Cfgstring cfg = Cfgstring.parse("grows");
        handler.create(cfg, 512, false, ProgressListener.NONE);
        byte[] first = new byte[512];
        Arrays.fill(first, (byte) 1);
        try (Volume v = handler.open(cfg, OPEN)) {
            TestRequest.write(0, first, 0).run(v);
            for (long size : new long[] {CHUNK << 10, CHUNK << 20, Long.MAX_VALUE - 511}) {
                v.resize(size);
                assertArrayEquals(first, TestRequest.read(0, 512).run(v).data());
                assertArrayEquals(
                        new byte[512], TestRequest.read(size - 512, 512).run(v).data());
                TestRequest.write(size - 512, first, 0).run(v);
                assertArrayEquals(
                        first, TestRequest.read(size - 512, 512).run(v).data());
            }
            v.resize(512);
            v.resize(CHUNK << 10);
            assertArrayEquals(
                    new byte[512],
                    TestRequest.read((CHUNK << 10) - 512, 512).run(v).data());
        }
    }
}
