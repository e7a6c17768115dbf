package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Receiver;
import org.nbdrunner.engine.internal.net.Transport;
import org.nbdrunner.engine.internal.transmission.ReplyMode;
import org.nbdrunner.engine.internal.transmission.Transmission;

/** However a stream is cut into segments, the answers are the same. */
@Timeout(120)
final class SegmentationTest {
    private static final int SIZE = 1 << 19;

    private final ChunkPool pool = new ChunkPool(1 << 20);
    private final MemoryVolume volume = new MemoryVolume(SIZE);

    /** How much of the volume a stream may have changed. */
    private int dirty = 4096;

    /** Brings a stream in segments of given lengths: no read goes beyond the end of one. */
    private static final class Segments implements Transport {
        private final byte[] stream;
        private final int[] ends;
        private final ByteArrayOutputStream written = new ByteArrayOutputStream();
        private int at;
        private int segment;

        Segments(byte[] stream, int... ends) {
            this.stream = stream;
            this.ends = ends;
        }

        @Override
        public int read(ByteBuffer into) {
            assertTrue(into.hasRemaining(), "a read has room");
            if (at == stream.length) {
                return -1;
            }
            while (segment < ends.length && ends[segment] <= at) {
                segment++;
            }
            int end = segment < ends.length ? ends[segment] : stream.length;
            int n = Math.min(end - at, into.remaining());
            into.put(stream, at, n);
            at += n;
            return n;
        }

        @Override
        public long read(ByteBuffer first, ByteBuffer second) {
            assertTrue(first.hasRemaining(), "a read has room");
            long got = read(first);
            int end = segment < ends.length ? ends[segment] : stream.length;
            if (got > 0 && at < end && !first.hasRemaining() && second.hasRemaining()) {
                got += read(second);
            }
            return got;
        }

        @Override
        public void write(ByteBuffer[] from, int count) {
            for (int i = 0; i < count; i++) {
                byte[] bytes = new byte[from[i].remaining()];
                from[i].get(bytes);
                written.writeBytes(bytes);
            }
        }

        @Override
        public void stopReading() {}

        @Override
        public void stopWriting() {}

        @Override
        public void close() {}

        @Override
        public String peer() {
            return "segments";
        }
    }

    private byte[] answers(ReplyMode mode, byte[] stream, int... ends) throws StorageException {
        TestExports exports = new TestExports().with("mem/disk", volume);
        volume.zero(0, dirty, false, false);
        OpenExport export = exports.open("mem/disk", reason -> {});
        Segments segments = new Segments(stream, ends);
        boolean clean = new Transmission(
                        segments,
                        new Receiver(pool, segments),
                        export,
                        mode,
                        mode != ReplyMode.SIMPLE,
                        EngineSettings.DEFAULT,
                        pool)
                .run();
        assertTrue(clean, () -> "the goodbye is heard after " + Arrays.toString(ends));
        assertEquals(0, pool.outstanding());
        return segments.written.toByteArray();
    }

    private static void put(Bytes stream, ReplyMode mode, int flags, int type, long offset, long length, byte... data) {
        long cookie = stream.size() * 0x9e3779b97f4a7c15L;
        if (mode == ReplyMode.EXTENDED) {
            stream.extendedRequest(
                    type == Nbd.CMD_WRITE ? flags | Nbd.CMD_FLAG_PAYLOAD_LEN : flags, type, cookie, offset, length);
        } else {
            stream.request(flags, type, cookie, offset, length);
        }
        stream.raw(data);
    }

    private static byte[] data(int length) {
        byte[] data = new byte[length];
        new Random(length).nextBytes(data);
        return data;
    }

    private static void shortRequests(Bytes stream, ReplyMode mode) {
        put(stream, mode, 0, Nbd.CMD_WRITE, 10, 40, data(40));
        put(stream, mode, 0, Nbd.CMD_READ, 0, 60);
        put(stream, mode, 0, 77, 0, 0);
        put(stream, mode, 0, Nbd.CMD_WRITE, SIZE, 30, data(30));
        put(stream, mode, 0, Nbd.CMD_BLOCK_STATUS, 0, 16_384);
        put(stream, mode, Nbd.CMD_FLAG_FUA, Nbd.CMD_WRITE, 30, 1, data(1));
        put(stream, mode, 0, Nbd.CMD_FLUSH, 0, 0);
        put(stream, mode, 0, Nbd.CMD_READ, 5, 50);
    }

    @ParameterizedTest
    @EnumSource
    void cutOnceAtAnyByte(ReplyMode mode) throws StorageException {
        Bytes b = new Bytes();
        shortRequests(b, mode);
        put(b, mode, 0, Nbd.CMD_DISC, 0, 0);
        byte[] stream = b.array();
        byte[] expected = answers(mode, stream);
        for (int cut = 1; cut < stream.length; cut++) {
            assertArrayEquals(expected, answers(mode, stream, cut));
        }
    }

    @ParameterizedTest
    @EnumSource
    void cutTwiceAtAnyBytes(ReplyMode mode) throws StorageException {
        Bytes b = new Bytes();
        put(b, mode, 0, Nbd.CMD_WRITE, 10, 20, data(20));
        put(b, mode, 0, Nbd.CMD_READ, 0, 40);
        put(b, mode, 0, Nbd.CMD_DISC, 0, 0);
        byte[] stream = b.array();
        byte[] expected = answers(mode, stream);
        for (int first = 1; first < stream.length; first++) {
            for (int second = first + 1; second < stream.length; second++) {
                assertArrayEquals(expected, answers(mode, stream, first, second));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void cutAtEachByte(ReplyMode mode) throws StorageException {
        Bytes b = new Bytes();
        for (int i = 0; i < 100; i++) {
            shortRequests(b, mode);
        }
        put(b, mode, 0, Nbd.CMD_DISC, 0, 0);
        byte[] stream = b.array();
        int[] each = new int[stream.length];
        for (int i = 0; i < each.length; i++) {
            each[i] = i + 1;
        }
        assertArrayEquals(answers(mode, stream), answers(mode, stream, each));
    }

    @ParameterizedTest
    @EnumSource
    void cutAtRandomAmongPayloadsOfAllSizes(ReplyMode mode) throws StorageException {
        dirty = SIZE;
        Random random = new Random(3);
        int[] edges = {1, 28, 4096, 8192, 16_384, 32_768, 65_536, 262_144};
        for (int round = 0; round < 30; round++) {
            Bytes b = new Bytes();
            for (int i = 0; i < 10; i++) {
                int length = edges[random.nextInt(edges.length)];
                length = Math.max(1, length + random.nextInt(80) - 60);
                int offset = random.nextInt(SIZE - length);
                put(b, mode, 0, Nbd.CMD_WRITE, offset, length, data(length));
                if (random.nextBoolean()) {
                    put(b, mode, 0, Nbd.CMD_READ, offset, length);
                }
                if (random.nextInt(4) == 0) {
                    put(b, mode, 0, Nbd.CMD_WRITE, SIZE, length, data(length));
                }
                if (random.nextInt(4) == 0) {
                    shortRequests(b, mode);
                }
            }
            put(b, mode, 0, Nbd.CMD_DISC, 0, 0);
            byte[] stream = b.array();
            byte[] expected = answers(mode, stream);
            for (int i = 0; i < 8; i++) {
                int[] ends = random.ints(1 + random.nextInt(40), 1, stream.length)
                        .sorted()
                        .distinct()
                        .toArray();
                assertArrayEquals(expected, answers(mode, stream, ends));
            }
        }
    }
}
