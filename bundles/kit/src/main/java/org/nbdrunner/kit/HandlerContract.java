package org.nbdrunner.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * What every handler must do. Extend it in the handler's module and give it the handler; storage that differs from others in what it
 * takes says so by overriding {@link #name}, {@link #size} and {@link #options}.
 *
 * <p>A test that concerns a capability which the handler's volumes do not claim passes without doing anything.
 */
public abstract class HandlerContract {
    private static final long SEED = 20_240_601;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private final Set<Cfgstring> made = new TreeSet<>((a, b) -> a.key().compareTo(b.key()));
    private Handler handler;

    /** For subclasses. */
    protected HandlerContract() {}

    /**
     * The handler, ready for use; asked for before each test.
     *
     * @return the handler
     * @throws Exception if its storage cannot be had: the test fails
     */
    protected abstract Handler handler() throws Exception;

    /**
     * The name of a backstore that does not exist.
     *
     * @param suffix makes it unlike the other names
     * @return a cfgstring
     */
    protected String name(String suffix) {
        return "kit-" + suffix;
    }

    /**
     * The size of the backstores that are made.
     *
     * @return bytes, at least 1 MiB and a multiple of 64 KiB
     */
    protected long size() {
        return 8 << 20;
    }

    /**
     * How backstores are opened.
     *
     * @param readOnly whether for reading only
     * @return the options
     */
    protected OpenOptions options(boolean readOnly) {
        return OpenOptions.of(readOnly, Duration.ofSeconds(30));
    }

    @BeforeEach
    final void getHandler() throws Exception {
        handler = handler();
    }

    @AfterEach
    final void deleteBackstores() throws IOException {
        for (Cfgstring cfg : made) {
            try {
                handler.delete(cfg);
            } catch (IOException e) {
                if (Errno.of(e) != Errno.ENOENT) {
                    throw e;
                }
            }
        }
    }

    private Cfgstring fresh() throws IOException {
        Cfgstring cfg = Cfgstring.parse(name(ProcessHandle.current().pid() + "-" + NAMES.incrementAndGet()));
        made.add(cfg);
        return cfg;
    }

    private Cfgstring create() throws IOException {
        Cfgstring cfg = fresh();
        handler.create(cfg, size(), false, ProgressListener.NONE);
        return cfg;
    }

    private Volume open(Cfgstring cfg) throws IOException {
        return handler.open(cfg, options(false));
    }

    private static byte[] random(long seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    @Test
    final void whatIsCreatedOpensWithItsSize() throws IOException {
        Cfgstring cfg = create();
        try (Volume v = open(cfg)) {
            assertEquals(size(), v.info().size());
            assertFalse(v.info().readOnly());
            assertTrue(v.info().capabilities().contains(Capability.FLUSH), "writes can be made durable");
        }
    }

    @Test
    final void whatExistsIsNotOverwritten() throws IOException {
        Cfgstring cfg = create();
        byte[] data = random(1, 4096);
        try (Volume v = open(cfg)) {
            TestRequest.write(0, data, 0).run(v);
            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
        }
        IOException e =
                assertThrows(IOException.class, () -> handler.create(cfg, size(), false, ProgressListener.NONE));
        assertEquals(Errno.EEXIST, Errno.of(e), e::toString);
        try (Volume v = open(cfg)) {
            assertArrayEquals(data, TestRequest.read(0, 4096).run(v).data());
        }
    }

    @Test
    final void whatIsNotThereIsSaidSo() throws IOException {
        Cfgstring cfg = fresh();
        IOException notOpened = assertThrows(IOException.class, () -> open(cfg));
        assertEquals(Errno.ENOENT, Errno.of(notOpened), notOpened::toString);
        IOException notDeleted = assertThrows(IOException.class, () -> handler.delete(cfg));
        assertEquals(Errno.ENOENT, Errno.of(notDeleted), notDeleted::toString);
    }

    @Test
    final void deletedIsGone() throws IOException {
        Cfgstring cfg = create();
        handler.delete(cfg);
        assertThrows(IOException.class, () -> open(cfg));
        handler.create(cfg, size(), false, ProgressListener.NONE);
        try (Volume v = open(cfg)) {
            assertArrayEquals(new byte[65536], TestRequest.read(0, 65536).run(v).data());
        }
    }

    @Test
    final void preallocationTellsItsProgress() throws IOException {
        Cfgstring cfg = fresh();
        List<Long> told = new ArrayList<>();
        handler.create(cfg, size(), true, (done, total) -> {
            assertEquals(size(), total);
            told.add(done);
        });
        for (int i = 1; i < told.size(); i++) {
            assertTrue(told.get(i) >= told.get(i - 1), "progress goes back: " + told);
        }
        try (Volume v = open(cfg)) {
            assertArrayEquals(
                    new byte[65536],
                    TestRequest.read(size() - 65536, 65536).run(v).data());
        }
    }

    @Test
    final void newStorageReadsAsZeroes() throws IOException {
        try (Volume v = open(create())) {
            for (long at = 0; at < size(); at += 1 << 20) {
                int n = (int) Math.min(1 << 20, size() - at);
                assertArrayEquals(new byte[n], TestRequest.read(at, n).run(v).data());
            }
        }
    }

    @Test
    final void everyAlignedRangeIsWrittenAndReadExactly() throws IOException {
        try (Volume v = open(create())) {
            int block = v.info().minimumBlock();
            int[] lengths = {block, 2 * block, 512, 4096, 65536, 65536 + block, 1 << 20};
            long seed = SEED;
            for (int length : lengths) {
                int n = Math.max(block, length - length % block);
                for (long at : new long[] {0, block, 4096 - 4096 % block, size() / 2 - block, size() - n}) {
                    if (at + n > size()) {
                        continue;
                    }
                    byte[] data = random(seed++, n);
                    TestRequest.write(at, data, 0).run(v);
                    assertArrayEquals(data, TestRequest.read(at, n).run(v).data(), n + " bytes at " + at);
                }
            }
        }
    }

    @Test
    final void theLongestPayloadIsTaken() throws IOException {
        try (Volume v = open(create())) {
            int n = (int) Math.min(v.info().maximumPayload(), size());
            byte[] data = random(2, n);
            TestRequest.write(0, data, 0).run(v);
            assertArrayEquals(data, TestRequest.read(0, n).run(v).data());
        }
    }

    @Test
    final void aRandomHistoryMatchesAModel() throws IOException {
        Cfgstring cfg = create();
        int total = (int) Math.min(size(), 4 << 20);
        byte[] model = new byte[total];
        boolean[] unknown = new boolean[total]; // trimmed: may read as anything
        Random random = new Random(SEED);
        Volume v = open(cfg);
        try {
            int block = v.info().minimumBlock();
            for (int i = 0; i < 400; i++) {
                int length = Math.min(total, block * (1 + random.nextInt(Math.max(1, 300_000 / block))));
                int at = random.nextInt((total - length) / block + 1) * block;
                switch (random.nextInt(6)) {
                    case 0, 1, 2 -> {
                        byte[] data = random(random.nextLong(), length);
                        TestRequest.write(at, data, fua(v, random)).run(v);
                        System.arraycopy(data, 0, model, at, length);
                        Arrays.fill(unknown, at, at + length, false);
                    }
                    case 3 -> {
                        if (v.info().can(Capability.WRITE_ZEROES)) {
                            int noHole = random.nextBoolean() ? TestRequest.NO_HOLE : 0;
                            TestRequest.of(Command.WRITE_ZEROES, at, length, noHole | fua(v, random))
                                    .run(v);
                            Arrays.fill(model, at, at + length, (byte) 0);
                            Arrays.fill(unknown, at, at + length, false);
                        }
                    }
                    case 4 -> {
                        if (v.info().can(Capability.TRIM)) {
                            TestRequest.of(Command.TRIM, at, length, fua(v, random))
                                    .run(v);
                            Arrays.fill(unknown, at, at + length, true);
                        }
                    }
                    default -> {
                        if (random.nextInt(8) == 0) {
                            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
                            v.close();
                            v = open(cfg);
                        }
                    }
                }
                check(v, model, unknown, at, length);
            }
            check(v, model, unknown, 0, total);
        } finally {
            v.close();
        }
    }

    private static int fua(Volume v, Random random) {
        return v.info().can(Capability.FUA) && random.nextInt(4) == 0 ? TestRequest.FUA : 0;
    }

    private static void check(Volume v, byte[] model, boolean[] unknown, int at, int length) throws StorageException {
        byte[] data = TestRequest.read(at, length).run(v).data();
        for (int i = 0; i < length; i++) {
            if (!unknown[at + i] && data[i] != model[at + i]) {
                throw new AssertionError("byte " + (at + i) + " is " + data[i] + " instead of " + model[at + i]);
            }
        }
    }

    @Test
    final void manyAtOnceCompleteOnceEach() throws IOException {
        try (Volume v = open(create())) {
            int block = Math.max(4096, v.info().minimumBlock());
            int count = (int) (Math.min(size(), 4 << 20) / block);
            for (int round = 0; round < 3; round++) {
                List<TestRequest> writes = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    writes.add(TestRequest.write((long) i * block, random((long) round * count + i, block), 0));
                }
                run(v, writes);
                List<TestRequest> reads = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    reads.add(TestRequest.read((long) i * block, block));
                }
                run(v, reads);
                for (int i = 0; i < count; i++) {
                    assertArrayEquals(writes.get(i).data(), reads.get(i).data(), "block " + i);
                }
            }
        }
    }

    /** Submits requests from several threads, as connections do. */
    private static void run(Volume v, List<TestRequest> requests) throws StorageException {
        int threads = 4;
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int first = t;
            Thread thread = new Thread(() -> {
                for (int i = first; i < requests.size(); i += threads) {
                    requests.get(i).submit(v);
                }
            });
            thread.start();
            all.add(thread);
        }
        for (Thread thread : all) {
            try {
                thread.join(TimeUnit.SECONDS.toMillis(TestRequest.LIMIT_S));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
            assertFalse(thread.isAlive(), "submit waits for storage");
        }
        for (TestRequest r : requests) {
            r.await();
            assertEquals(1, r.completions(), r.toString());
        }
    }

    /** A volume is closed as soon as the last request in flight has completed, which may be before that request's thread is done with it. */
    @Test
    final void closesWithTheLastCompletion() throws IOException {
        Cfgstring cfg = create();
        for (int round = 0; round < 10; round++) {
            List<TestRequest> requests = new ArrayList<>();
            Volume v = open(cfg);
            try {
                int block = Math.max(4096, v.info().minimumBlock());
                for (int i = 0; i < 32; i++) {
                    byte[] data = random((long) round * 32 + i, block);
                    requests.add(TestRequest.write((long) i * block, data, 0));
                    requests.add(TestRequest.read((long) (32 + i) * block, block));
                }
                run(v, requests);
            } finally {
                v.close();
            }
            for (TestRequest r : requests) {
                assertEquals(1, r.completions(), r.toString());
            }
        }
    }

    @Test
    final void flushedAndForcedWritesSurviveClosing() throws IOException {
        Cfgstring cfg = create();
        byte[] flushed = random(3, 65536);
        byte[] forced = random(4, 65536);
        boolean fua;
        try (Volume v = open(cfg)) {
            TestRequest.write(0, flushed, 0).run(v);
            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
            fua = v.info().can(Capability.FUA);
            TestRequest.write(65536, forced, fua ? TestRequest.FUA : 0).run(v);
        }
        try (Volume v = open(cfg)) {
            assertArrayEquals(flushed, TestRequest.read(0, 65536).run(v).data());
            if (fua) {
                assertArrayEquals(forced, TestRequest.read(65536, 65536).run(v).data());
            }
        }
    }

    @Test
    final void zeroesAreZeroes() throws IOException {
        try (Volume v = open(create())) {
            if (!v.info().can(Capability.WRITE_ZEROES)) {
                return;
            }
            int block = Math.max(512, v.info().minimumBlock());
            byte[] data = random(5, 1 << 20);
            for (int flags : new int[] {0, TestRequest.NO_HOLE}) {
                TestRequest.write(0, data, 0).run(v);
                int length = (1 << 20) - 2 * block;
                TestRequest.of(Command.WRITE_ZEROES, block, length, flags).run(v);
                byte[] expected = data.clone();
                Arrays.fill(expected, block, block + length, (byte) 0);
                assertArrayEquals(expected, TestRequest.read(0, 1 << 20).run(v).data());
            }
        }
    }

    @Test
    final void fastZeroDoesOrRefusesAndChangesNothing() throws IOException {
        try (Volume v = open(create())) {
            if (!v.info().can(Capability.FAST_ZERO)) {
                return;
            }
            byte[] data = random(6, 1 << 20);
            TestRequest.write(0, data, 0).run(v);
            byte[] expected = new byte[1 << 20];
            try {
                TestRequest.of(Command.WRITE_ZEROES, 0, 1 << 20, TestRequest.FAST_ZERO)
                        .run(v);
            } catch (StorageException e) {
                assertEquals(Errno.ENOTSUP, e.errno());
                expected = data;
            }
            assertArrayEquals(expected, TestRequest.read(0, 1 << 20).run(v).data());
        }
    }

    @Test
    final void extentsCoverTheRangeAndTellTheTruth() throws IOException {
        try (Volume v = open(create())) {
            if (!v.info().can(Capability.BLOCK_STATUS)) {
                return;
            }
            TestRequest.write(size() / 2, random(7, 65536), 0).run(v);
            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
            long at = 0;
            boolean dataSeen = false;
            while (at < size()) {
                TestRequest r =
                        TestRequest.of(Command.BLOCK_STATUS, at, size() - at, 0).run(v);
                assertFalse(r.extents().isEmpty(), "no extent at " + at);
                for (TestRequest.Extent e : r.extents()) {
                    long n = Math.min(e.length(), size() - at);
                    if (e.zero()) {
                        assertZero(v, at, n);
                    } else if (at < size() / 2 + 65536 && at + n > size() / 2) {
                        dataSeen = true;
                    }
                    at += n;
                }
            }
            assertTrue(dataSeen, "written data are not told as data");
            TestRequest one = TestRequest.of(Command.BLOCK_STATUS, 0, size(), TestRequest.ONE_EXTENT)
                    .run(v);
            assertFalse(one.extents().isEmpty());
        }
    }

    private static void assertZero(Volume v, long from, long length) throws StorageException {
        for (long at = from; at < from + length; at += 1 << 20) {
            int n = (int) Math.min(1 << 20, from + length - at);
            assertArrayEquals(new byte[n], TestRequest.read(at, n).run(v).data(), "told as zero at " + at);
        }
    }

    /** False if this kind of storage cannot be resized. */
    private static boolean resized(Volume v, long size) throws IOException {
        long before = v.info().size();
        try {
            v.resize(size);
        } catch (StorageException e) {
            assertEquals(Errno.ENOTSUP, e.errno(), e::toString);
            assertEquals(before, v.info().size());
            return false;
        }
        assertEquals(size, v.info().size(), "the volume tells its new size at once");
        return true;
    }

    @Test
    final void whatGrowsKeepsItsDataAndReadsAsZeroesBehind() throws IOException {
        Cfgstring cfg = create();
        byte[] data = random(8, 65536);
        long larger = 2 * size();
        try (Volume v = open(cfg)) {
            TestRequest.write(size() - 65536, data, 0).run(v);
            String identity = v.info().identity();
            if (!resized(v, larger)) {
                return;
            }
            assertEquals(identity, v.info().identity());
            assertArrayEquals(
                    data, TestRequest.read(size() - 65536, 65536).run(v).data());
            assertZero(v, size(), size());
            TestRequest.write(larger - 65536, data, 0).run(v);
            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
        }
        try (Volume v = open(cfg)) {
            assertEquals(larger, v.info().size());
            assertArrayEquals(
                    data, TestRequest.read(size() - 65536, 65536).run(v).data());
            assertArrayEquals(
                    data, TestRequest.read(larger - 65536, 65536).run(v).data());
        }
    }

    @Test
    final void whatIsCutOffIsRefusedAndDoesNotComeBack() throws IOException {
        Cfgstring cfg = create();
        byte[] data = random(9, 1 << 20);
        long smaller = size() - 65536;
        try (Volume v = open(cfg)) {
            TestRequest.write(size() - data.length, data, 0).run(v);
            if (!resized(v, smaller)) {
                return;
            }
            List<TestRequest> beyond = List.of(
                    TestRequest.read(smaller - 4096, 8192),
                    TestRequest.write(smaller, new byte[4096], 0),
                    TestRequest.write(size() - 4096, new byte[4096], 0));
            for (TestRequest r : beyond) {
                assertThrows(StorageException.class, () -> r.run(v));
            }
            assertEquals(smaller, v.info().size(), "writing beyond the end makes it larger");
        }
        try (Volume v = open(cfg)) {
            assertEquals(smaller, v.info().size());
            assertTrue(resized(v, size()));
            int kept = data.length - 65536;
            assertArrayEquals(
                    Arrays.copyOf(data, kept),
                    TestRequest.read(smaller - kept, kept).run(v).data());
            assertZero(v, smaller, 65536);
        }
    }

    @Test
    final void whatIsOpenReadOnlyIsNotResized() throws IOException {
        Cfgstring cfg = create();
        try (Volume v = handler.open(cfg, options(true))) {
            if (v.info().readOnly()) {
                assertThrows(StorageException.class, () -> v.resize(2 * size()));
                assertEquals(size(), v.info().size());
            }
        }
    }

    @Test
    final void readOnlyIsSaidSo() throws IOException {
        Cfgstring cfg = create();
        try (Volume v = handler.open(cfg, options(true))) {
            assertArrayEquals(new byte[4096], TestRequest.read(0, 4096).run(v).data());
            assertEquals(size(), v.info().size());
        }
    }

    @Test
    final void theSameBackstoreHasTheSameIdentity() throws IOException {
        Cfgstring cfg = create();
        VolumeInfo first;
        try (Volume v = open(cfg)) {
            first = v.info();
        }
        try (Volume v = open(cfg)) {
            assertEquals(first.identity(), v.info().identity());
            assertEquals(first.size(), v.info().size());
            assertEquals(first.minimumBlock(), v.info().minimumBlock());
        }
    }

    @Test
    final void openingAndClosingLeavesNoThreads() throws IOException {
        Cfgstring cfg = create();
        open(cfg).close(); // what the handler keeps for all volumes is there from now on
        int before = Thread.activeCount();
        for (int i = 0; i < 20; i++) {
            try (Volume v = open(cfg)) {
                TestRequest.read(0, 4096).run(v);
            }
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TestRequest.LIMIT_S);
        while (Thread.activeCount() > before + 2 && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
        assertTrue(
                Thread.activeCount() <= before + 2,
                "threads are left: " + Thread.getAllStackTraces().keySet());
    }
}
