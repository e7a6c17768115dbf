package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** The transmission phase: each command, right and wrong, with all kinds of headers, over volumes that answer at once and later. */
@ParameterizedClass(name = "{0}, {1}")
@MethodSource("kinds")
@Timeout(120)
final class TransmissionTest {
    private static final int SIZE = 64 << 20;
    private static final int EPERM = 1;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;

    /** How a volume completes what it is asked for. */
    enum Completion {
        INLINE,
        SHUFFLED;

        Volume volume(Volume behind) {
            return this == INLINE ? behind : new ShufflingVolume(behind, 2, 42);
        }
    }

    /** A request of another kind than the protocol allows, or the export can. */
    private record Wrong(int flags, int type, long offset, long length, int error) {}

    private final ReplyMode mode;
    private final Completion completion;
    private final boolean extended;
    private final Random random = new Random(7);
    private final TestExports exports = new TestExports();
    private TestServer server;

    TransmissionTest(ReplyMode mode, Completion completion) {
        this.mode = mode;
        this.completion = completion;
        extended = mode == ReplyMode.EXTENDED;
    }

    static Stream<Arguments> kinds() {
        return Stream.of(ReplyMode.values())
                .flatMap(m -> Stream.of(Completion.values()).map(c -> Arguments.of(m, c)));
    }

    @BeforeEach
    void start() throws IOException {
        server = new TestServer(exports);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        for (Volume volume : exports.volumes.values()) {
            volume.close();
        }
    }

    private RawClient open(Volume volume) throws IOException {
        exports.with("mem/disk", completion.volume(volume));
        return server.open("mem/disk", mode);
    }

    private RawClient disk(int size) throws IOException {
        return open(new MemoryVolume(size));
    }

    private byte[] bytes(int length) {
        ByteBuffer bytes = ByteBuffer.allocate(length + 7);
        long next = random.nextLong();
        for (int i = 0; i < length; i += 8) {
            next = next * 0x5851f42d4c957f2dL + 0x14057b7ef767814fL;
            bytes.putLong(i, next);
        }
        return Arrays.copyOf(bytes.array(), length);
    }

    private Map<Long, Reply> replies(RawClient client, int count) throws IOException {
        Map<Long, Reply> all = new HashMap<>();
        for (int i = 0; i < count; i++) {
            Reply reply = client.reply();
            assertNull(all.put(reply.cookie(), reply), "one reply for each request");
        }
        return all;
    }

    // Data

    @Test
    void whatIsWrittenIsRead() throws IOException {
        RawClient client = disk(SIZE);
        // Around the sizes of chunks, with and without headers, of payloads that get a chunk of their own, and of the
        // largest.
        for (int edge : new int[] {1, 512, 4096, 8192, 1 << 14, 1 << 15, 1 << 18, 1 << 20, 32 << 20}) {
            for (int around : new int[] {-41, -33, -32, -29, -28, -17, -16, -1, 0, 1}) {
                int length = edge + around;
                if (length < 1 || length > 32 << 20) {
                    continue;
                }
                if (length > 1 << 20 && around != -28 && around != 0) {
                    continue;
                }
                long offset = random.nextInt(SIZE - length + 1);
                byte[] data = bytes(length);
                assertEquals(0, client.write(0, offset, data).error(), () -> "write of " + length);
                assertArrayEquals(data, client.read(offset, length).data(), () -> "read of " + length);
            }
        }
    }

    @Test
    void oneSegmentHoldsManyRequests() throws IOException {
        RawClient client = disk(1 << 20);
        byte[] model = new byte[1 << 20];
        Map<Long, byte[]> expected = new LinkedHashMap<>();
        Bytes all = new Bytes();
        for (int slot = 0; slot < 256; slot++) {
            byte[] data = bytes(100);
            System.arraycopy(data, 0, model, slot * 4096, 100);
            expected.put(client.putWrite(all, 0, slot * 4096L, data), new byte[0]);
        }
        client.send(all);
        replies(client, 256).forEach((cookie, reply) -> {
            assertEquals(0, reply.error());
            assertTrue(expected.containsKey(cookie));
        });
        Bytes reads = new Bytes();
        expected.clear();
        for (int i = 0; i < 3000; i++) {
            int from = random.nextInt((1 << 20) - 200);
            int length = 1 + random.nextInt(200);
            expected.put(
                    client.put(reads, 0, Nbd.CMD_READ, from, length), Arrays.copyOfRange(model, from, from + length));
        }
        client.send(reads);
        replies(client, 3000).forEach((cookie, reply) -> assertArrayEquals(expected.get(cookie), reply.data()));
    }

    @Test
    void longAndShortRequestsMix() throws IOException {
        RawClient client = disk(SIZE);
        int[] lengths = {100_000, 1, 40_000, 16, 33_000, 300_000, 4096, 32_768, 32_769, 7, 1 << 20, 512};
        byte[][] data = new byte[lengths.length][];
        Bytes writes = new Bytes();
        for (int i = 0; i < lengths.length; i++) {
            data[i] = bytes(lengths[i]);
            client.putWrite(writes, 0, (long) i << 21, data[i]);
        }
        client.send(writes);
        replies(client, lengths.length).values().forEach(r -> assertEquals(0, r.error()));
        Bytes reads = new Bytes();
        Map<Long, byte[]> expected = new HashMap<>();
        for (int i = 0; i < lengths.length; i++) {
            expected.put(client.put(reads, 0, Nbd.CMD_READ, (long) i << 21, lengths[i]), data[i]);
        }
        client.send(reads);
        replies(client, lengths.length)
                .forEach((cookie, reply) -> assertArrayEquals(expected.get(cookie), reply.data()));
    }

    @Test
    void requestsAreCutAtAnyByte() throws IOException {
        RawClient client = disk(1 << 16);
        byte[] data = bytes(24);
        for (int cut = 1; ; cut++) {
            Bytes all = new Bytes();
            client.putWrite(all, 0, 1000, data);
            client.put(all, 0, Nbd.CMD_FLUSH, 0, 0);
            client.put(all, 0, 77, 0, 0);
            client.putWrite(all, 0, 1L << 40, data);
            long read = client.put(all, 0, Nbd.CMD_READ, 40_000, 10);
            byte[] message = all.array();
            if (cut == message.length) {
                client.send(message);
                replies(client, 5);
                break;
            }
            client.send(Arrays.copyOf(message, cut));
            client.send(Arrays.copyOfRange(message, cut, message.length));
            assertArrayEquals(new byte[10], replies(client, 5).get(read).data());
        }
        assertArrayEquals(data, client.read(1000, 24).data());
    }

    @Test
    void cookiesAreEchoedWhateverTheyAre() throws IOException {
        disk(1 << 16).close();
        RawClient client = server.open("mem/disk", ReplyMode.SIMPLE);
        for (long cookie : new long[] {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0x6744669825609513L}) {
            client.send(new Bytes().request(0, Nbd.CMD_FLUSH, cookie, 0, 0));
            assertArrayEquals(
                    new Bytes().u32(Nbd.SIMPLE_REPLY_MAGIC).u32(0).u64(cookie).array(), client.read(16));
        }
    }

    @Test
    void twoRequestsOfOneCookieAreBothAnswered() throws IOException {
        disk(1 << 16).close();
        RawClient client = server.open("mem/disk", ReplyMode.SIMPLE);
        client.send(new Bytes().request(0, Nbd.CMD_FLUSH, 5, 0, 0).request(0, Nbd.CMD_FLUSH, 5, 0, 0));
        byte[] one = new Bytes().u32(Nbd.SIMPLE_REPLY_MAGIC).u32(0).u64(5).array();
        assertArrayEquals(one, client.read(16));
        assertArrayEquals(one, client.read(16));
    }

    @Test
    void repliesComeAsRequestsComplete() throws IOException {
        HoldingVolume holding = new HoldingVolume(new MemoryVolume(1 << 16));
        exports.with("mem/held", holding);
        RawClient client = server.open("mem/held", mode);
        Bytes all = new Bytes();
        List<Long> cookies = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            cookies.add(client.put(all, 0, Nbd.CMD_READ, i, 1 + i));
        }
        client.send(all);
        holding.awaitHeld(64);
        while (!cookies.isEmpty()) {
            int chosen = random.nextInt(cookies.size());
            holding.release(chosen);
            assertEquals(cookies.remove(chosen), client.reply().cookie());
        }
    }

    // Commands

    @Test
    void flushReachesTheVolume() throws IOException {
        List<String> seen = new ArrayList<>();
        RawClient client = open(recorder(seen));
        assertEquals(0, client.call(0, Nbd.CMD_FLUSH, 0, 0).error());
        assertEquals(List.of("FLUSH 0+0"), seen);
    }

    private static FakeVolume recorder(List<String> seen) {
        return new FakeVolume(MemoryVolume.all(1 << 20), r -> {
            seen.add(r.command() + " " + r.offset() + "+" + r.length() + (r.fua() ? " fua" : "")
                    + (r.noHole() ? " no-hole" : "") + (r.fastZero() ? " fast" : "") + (r.oneExtent() ? " one" : ""));
            if (r.command() == Command.BLOCK_STATUS) {
                r.extent(r.length(), false, false);
            }
            r.complete();
        });
    }

    @Test
    void commandsAndTheirFlagsReachTheVolume() throws IOException {
        List<String> seen = new ArrayList<>();
        RawClient client = open(recorder(seen));
        int fua = Nbd.CMD_FLAG_FUA;
        List<Integer> errors = new ArrayList<>();
        errors.add(client.write(0, 1, new byte[2]).error());
        errors.add(client.write(fua, 3, new byte[4]).error());
        errors.add(client.call(0, Nbd.CMD_TRIM, 5, 6).error());
        errors.add(client.call(fua, Nbd.CMD_TRIM, 7, 8).error());
        errors.add(client.call(0, Nbd.CMD_WRITE_ZEROES, 9, 10).error());
        errors.add(client.call(fua | Nbd.CMD_FLAG_NO_HOLE, Nbd.CMD_WRITE_ZEROES, 11, 12)
                .error());
        errors.add(client.call(Nbd.CMD_FLAG_FAST_ZERO, Nbd.CMD_WRITE_ZEROES, 0, 1 << 20)
                .error());
        errors.add(client.call(0, Nbd.CMD_CACHE, 13, 14).error());
        errors.add(client.call(0, Nbd.CMD_READ, (1 << 20) - 1, 1).error());
        errors.add(client.call(fua, Nbd.CMD_READ, 0, 1).error());
        errors.add(client.call(fua, Nbd.CMD_FLUSH, 0, 0).error());
        if (mode != ReplyMode.SIMPLE) {
            errors.add(client.call(0, Nbd.CMD_BLOCK_STATUS, 15, 16).error());
            errors.add(client.call(Nbd.CMD_FLAG_REQ_ONE, Nbd.CMD_BLOCK_STATUS, 15, 16)
                    .error());
            errors.add(client.call(Nbd.CMD_FLAG_DF, Nbd.CMD_READ, 0, 1).error());
        }
        assertTrue(errors.stream().allMatch(e -> e == 0), errors::toString);
        List<String> expected = new ArrayList<>(List.of(
                "WRITE 1+2",
                "WRITE 3+4 fua",
                "TRIM 5+6",
                "TRIM 7+8 fua",
                "WRITE_ZEROES 9+10",
                "WRITE_ZEROES 11+12 fua no-hole",
                "WRITE_ZEROES 0+1048576 fast",
                "CACHE 13+14",
                "READ 1048575+1",
                "READ 0+1",
                "FLUSH 0+0"));
        if (mode != ReplyMode.SIMPLE) {
            expected.addAll(List.of("BLOCK_STATUS 15+16", "BLOCK_STATUS 15+16 one", "READ 0+1"));
        }
        assertEquals(expected, seen);
    }

    @Test
    void zeroedAndTrimmedRangesReadAsZeroes() throws IOException {
        RawClient client = disk(1 << 16);
        assertEquals(0, client.write(0, 0, bytes(1 << 16)).error());
        assertEquals(0, client.call(0, Nbd.CMD_WRITE_ZEROES, 100, 5000).error());
        assertEquals(0, client.call(0, Nbd.CMD_TRIM, 20_000, 30_000).error());
        assertArrayEquals(new byte[5000], client.read(100, 5000).data());
        assertArrayEquals(new byte[30_000], client.read(20_000, 30_000).data());
        assertFalse(Arrays.equals(new byte[100], client.read(0, 100).data()));
    }

    @Test
    void lengthsWithoutPayloadMayExceedTheLargestPayload() throws IOException {
        long size = 1L << 44;
        List<String> seen = new ArrayList<>();
        FakeVolume recorder = recorder(seen);
        VolumeInfo large = VolumeInfo.builder(size)
                .with(recorder.info().capabilities().toArray(new Capability[0]))
                .build();
        RawClient client = open(new FakeVolume(large, recorder.behaviour()));
        long length = extended ? size - 1 : 0xffffffffL;
        int[] types = mode == ReplyMode.SIMPLE
                ? new int[] {Nbd.CMD_TRIM, Nbd.CMD_WRITE_ZEROES, Nbd.CMD_CACHE}
                : new int[] {Nbd.CMD_TRIM, Nbd.CMD_WRITE_ZEROES, Nbd.CMD_CACHE, Nbd.CMD_BLOCK_STATUS};
        for (int type : types) {
            Reply reply = client.call(0, type, 1, length);
            assertEquals(0, reply.error());
            if (type == Nbd.CMD_BLOCK_STATUS) {
                assertEquals(List.of(new Reply.Extent(length, 0)), reply.extents());
            }
            assertTrue(seen.get(seen.size() - 1).endsWith(" 1+" + length), seen::toString);
        }
    }

    @Test
    void extentsAreTold() throws IOException {
        RawClient client = disk(1 << 16);
        assertEquals(0, client.write(0, 8192, bytes(4096)).error());
        assertEquals(0, client.write(0, 12_288, bytes(1)).error());
        assertEquals(0, client.write(0, 40_000, bytes(1)).error());
        if (mode == ReplyMode.SIMPLE) {
            assertEquals(
                    EINVAL, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 1 << 16).error());
            return;
        }
        long hole = Nbd.STATE_HOLE | Nbd.STATE_ZERO;
        assertEquals(
                List.of(
                        new Reply.Extent(8192, hole),
                        new Reply.Extent(8192, 0),
                        new Reply.Extent(36_864 - 16_384, hole),
                        new Reply.Extent(4096, 0),
                        new Reply.Extent(65_536 - 40_960, hole)),
                client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 1 << 16).extents());
        assertEquals(
                List.of(new Reply.Extent(192, hole), new Reply.Extent(8, 0)),
                client.call(0, Nbd.CMD_BLOCK_STATUS, 8000, 200).extents());
        assertEquals(
                List.of(new Reply.Extent(8192 - 100, hole)),
                client.call(Nbd.CMD_FLAG_REQ_ONE, Nbd.CMD_BLOCK_STATUS, 100, 60_000)
                        .extents());
    }

    @Test
    void aVolumeThatKnowsNoExtentsIsAllData() throws IOException {
        VolumeInfo info = MemoryVolume.all(1 << 16).toBuilder()
                .without(Capability.BLOCK_STATUS)
                .build();
        RawClient client = open(new FakeVolume(info, r -> r.fail(Errno.EIO, "not asked for")));
        Reply reply = client.call(0, Nbd.CMD_BLOCK_STATUS, 5, 60_000);
        if (mode == ReplyMode.SIMPLE) {
            assertEquals(EINVAL, reply.error());
        } else {
            assertEquals(List.of(new Reply.Extent(60_000, 0)), reply.extents());
        }
    }

    @Test
    void extentsAreBoundedByRequestAndByNumber() throws IOException {
        if (mode == ReplyMode.SIMPLE) {
            return;
        }
        // Alternate single bytes; the last extent reaches beyond the request.
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), r -> {
            long end = r.offset() + r.length() + 10;
            for (long at = r.offset(); at < end; at++) {
                if (!r.extent(at + 1 == r.offset() + r.length() ? 1000 : 1, at % 2 == 0, false)) {
                    break;
                }
            }
            r.complete();
        }));
        List<Reply.Extent> few = client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 1001).extents();
        assertEquals(1001, few.size());
        assertEquals(new Reply.Extent(1, Nbd.STATE_HOLE), few.get(1000));
        List<Reply.Extent> many =
                client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 1 << 20).extents();
        assertTrue(many.size() >= 1 << 10 && many.size() <= 1 << 20, () -> many.size() + " extents");
        assertEquals(
                List.of(new Reply.Extent(1, 0)),
                client.call(Nbd.CMD_FLAG_REQ_ONE, Nbd.CMD_BLOCK_STATUS, 1, 5000).extents());
    }

    @Test
    void aVolumeWithoutAnswerForExtentsFailsTheRequest() throws IOException {
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), IoRequest::complete));
        if (mode != ReplyMode.SIMPLE) {
            assertEquals(5, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 1000).error());
        }
        assertEquals(0, client.call(0, Nbd.CMD_FLUSH, 0, 0).error());
    }

    // Errors

    private void wrong(RawClient client, List<Wrong> cases) throws IOException {
        for (Wrong w : cases) {
            if (!extended && w.length() >>> 32 != 0) {
                continue;
            }
            boolean payload = w.type() == Nbd.CMD_WRITE || (extended && (w.flags() & Nbd.CMD_FLAG_PAYLOAD_LEN) != 0);
            byte[] data = new byte[payload ? (int) w.length() : 0];
            Reply reply = client.call(w.flags(), w.type(), w.offset(), w.length(), data);
            assertEquals(w.error(), reply.error(), w::toString);
            assertEquals(mode != ReplyMode.SIMPLE, !reply.text().isEmpty(), () -> w + " " + reply.text());
        }
        assertEquals(0, client.read(0, 4096).error(), "the connection goes on");
    }

    private static FakeVolume untouchable(VolumeInfo info) {
        return new FakeVolume(info, r -> {
            if (r.command() == Command.READ && r.offset() == 0 && r.length() == 4096) {
                r.complete();
            } else {
                r.fail(Errno.ENOTSUP, "a wrong request got through: " + r);
            }
        });
    }

    @Test
    void unknownCommandsAreInvalid() throws IOException {
        RawClient client = open(untouchable(MemoryVolume.all(1 << 20)));
        List<Wrong> cases = new ArrayList<>();
        for (int type : new int[] {8, 9, 77, 255, 256, 0x7fff, 0x8000, 0xffff}) {
            cases.add(new Wrong(0, type, 0, 0, EINVAL));
            cases.add(new Wrong(0, type, 0, 4096, EINVAL));
            cases.add(new Wrong(Nbd.CMD_FLAG_FUA, type, -1, 0xffffffffL, EINVAL));
        }
        wrong(client, cases);
    }

    @Test
    void flagsThatACommandDoesNotHaveAreInvalid() throws IOException {
        RawClient client = open(untouchable(MemoryVolume.all(1 << 20)));
        Map<Integer, Integer> known = new HashMap<>();
        known.put(Nbd.CMD_READ, mode == ReplyMode.SIMPLE ? 0 : Nbd.CMD_FLAG_DF);
        known.put(Nbd.CMD_WRITE, extended ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0);
        known.put(Nbd.CMD_TRIM, 0);
        known.put(Nbd.CMD_CACHE, 0);
        known.put(Nbd.CMD_WRITE_ZEROES, Nbd.CMD_FLAG_NO_HOLE | Nbd.CMD_FLAG_FAST_ZERO);
        known.put(Nbd.CMD_BLOCK_STATUS, mode == ReplyMode.SIMPLE ? 0 : Nbd.CMD_FLAG_REQ_ONE);
        List<Wrong> cases = new ArrayList<>();
        known.forEach((type, flags) -> {
            for (int bit = 1; bit < 16; bit++) {
                if ((flags & 1 << bit) == 0) {
                    cases.add(new Wrong(1 << bit, type, 512, 512, EINVAL));
                    cases.add(new Wrong(1 << bit | Nbd.CMD_FLAG_FUA, type, 512, 512, EINVAL));
                }
            }
        });
        for (int bit = 1; bit < 16; bit++) {
            cases.add(new Wrong(1 << bit, Nbd.CMD_FLUSH, 0, 0, EINVAL));
        }
        wrong(client, cases);
    }

    @Test
    void whatIsNotOfferedIsInvalid() throws IOException {
        RawClient client = open(untouchable(VolumeInfo.builder(1 << 20).build()));
        List<Wrong> cases = new ArrayList<>(List.of(
                new Wrong(0, Nbd.CMD_FLUSH, 0, 0, EINVAL),
                new Wrong(0, Nbd.CMD_TRIM, 0, 512, EINVAL),
                new Wrong(0, Nbd.CMD_CACHE, 0, 512, EINVAL),
                new Wrong(0, Nbd.CMD_WRITE_ZEROES, 0, 512, EINVAL),
                new Wrong(Nbd.CMD_FLAG_NO_HOLE, Nbd.CMD_WRITE_ZEROES, 0, 512, EINVAL),
                new Wrong(Nbd.CMD_FLAG_FAST_ZERO, Nbd.CMD_WRITE_ZEROES, 0, 512, EINVAL)));
        for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
            if (type != Nbd.CMD_DISC) {
                cases.add(new Wrong(Nbd.CMD_FLAG_FUA, type, 0, 4096, EINVAL));
            }
        }
        wrong(client, cases);
    }

    @Test
    void fastZeroIsInvalidWhereOnlyZeroingIsOffered() throws IOException {
        VolumeInfo info =
                VolumeInfo.builder(1 << 20).with(Capability.WRITE_ZEROES).build();
        RawClient client = open(untouchable(info));
        wrong(client, List.of(new Wrong(Nbd.CMD_FLAG_FAST_ZERO, Nbd.CMD_WRITE_ZEROES, 0, 512, EINVAL)));
    }

    @Test
    void rangesBeyondTheEndAreRefused() throws IOException {
        int size = 1 << 20;
        RawClient client = open(untouchable(MemoryVolume.all(size)));
        List<Wrong> cases = new ArrayList<>();
        for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
            if (type == Nbd.CMD_DISC || type == Nbd.CMD_FLUSH) {
                continue;
            }
            int error = type == Nbd.CMD_WRITE || type == Nbd.CMD_WRITE_ZEROES ? ENOSPC : EINVAL;
            for (long offset :
                    new long[] {size - 511, size, size + 1L, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, -512, -1}) {
                cases.add(new Wrong(0, type, offset, 512, error));
            }
            cases.add(new Wrong(0, type, 1, size, error));
            if (type != Nbd.CMD_READ && type != Nbd.CMD_WRITE) {
                for (long length : new long[] {size + 1L, 0xffffffffL, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
                    cases.add(new Wrong(0, type, 0, length, error));
                    cases.add(new Wrong(0, type, size, length, error));
                    cases.add(new Wrong(0, type, -1, length, error));
                }
            }
        }
        wrong(client, cases);
    }

    @Test
    void aClientThatWasToldOtherwiseMayReachFurther() throws IOException {
        exports.told = 1 << 16;
        RawClient client = disk(1 << 20);
        Wrong write = new Wrong(0, Nbd.CMD_WRITE, 1 << 16, 512, ENOSPC);
        wrong(client, List.of(write));
        exports.reach = 1 << 17;
        byte[] data = bytes(512);
        assertEquals(0, client.write(0, (1 << 17) - 512, data).error());
        assertArrayEquals(data, client.read((1 << 17) - 512, 512).data());
        wrong(client, List.of(new Wrong(0, Nbd.CMD_WRITE, 1 << 17, 512, ENOSPC)));
    }

    @Test
    void emptyRangesAreInvalid() throws IOException {
        RawClient client = open(untouchable(MemoryVolume.all(1 << 20)));
        List<Wrong> cases = new ArrayList<>();
        for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
            if (type != Nbd.CMD_DISC && type != Nbd.CMD_FLUSH) {
                cases.add(new Wrong(0, type, 0, 0, EINVAL));
                cases.add(new Wrong(0, type, 1 << 20, 0, EINVAL));
            }
        }
        cases.add(new Wrong(0, Nbd.CMD_FLUSH, 0, 1, EINVAL));
        cases.add(new Wrong(0, Nbd.CMD_FLUSH, 1, 0, EINVAL));
        wrong(client, cases);
    }

    @Test
    void whatIsReadOnlyStaysAsItIs() throws IOException {
        RawClient client = open(untouchable(
                MemoryVolume.all(33 << 20).toBuilder().readOnly(true).build()));
        wrong(
                client,
                List.of(
                        new Wrong(0, Nbd.CMD_WRITE, 0, 1, EPERM),
                        new Wrong(0, Nbd.CMD_WRITE, 0, 4096, EPERM),
                        new Wrong(0, Nbd.CMD_WRITE, 0, 100_000, EPERM),
                        new Wrong(0, Nbd.CMD_WRITE, 0, 32 << 20, EPERM),
                        new Wrong(Nbd.CMD_FLAG_FUA, Nbd.CMD_WRITE, 0, 4096, EPERM),
                        new Wrong(0, Nbd.CMD_TRIM, 0, 4096, EPERM),
                        new Wrong(0, Nbd.CMD_WRITE_ZEROES, 0, 4096, EPERM)));
    }

    @Test
    void unalignedRangesAreInvalid() throws IOException {
        RawClient client = open(untouchable(
                MemoryVolume.all(1 << 20).toBuilder().minimumBlock(4096).build()));
        List<Wrong> cases = new ArrayList<>();
        for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
            if (type != Nbd.CMD_DISC && type != Nbd.CMD_FLUSH) {
                cases.add(new Wrong(0, type, 4096, 512, EINVAL));
                cases.add(new Wrong(0, type, 512, 4096, EINVAL));
                cases.add(new Wrong(0, type, 4095, 4097, EINVAL));
            }
        }
        wrong(client, cases);
    }

    @Test
    void tooLargePayloadsAreInvalid() throws IOException {
        RawClient client = open(untouchable(MemoryVolume.all(1 << 20)));
        wrong(
                client,
                List.of(
                        new Wrong(0, Nbd.CMD_READ, 0, (32 << 20) + 1, EINVAL),
                        new Wrong(0, Nbd.CMD_READ, 0, 0xffffffffL, EINVAL),
                        new Wrong(0, Nbd.CMD_READ, 0, Long.MAX_VALUE, EINVAL),
                        new Wrong(0, Nbd.CMD_READ, 0, -1, EINVAL),
                        new Wrong(0, Nbd.CMD_WRITE, 0, (32 << 20) + 1, EINVAL),
                        new Wrong(0, Nbd.CMD_WRITE, 0, 64 << 20, EINVAL)));
    }

    @Test
    void anExportMayHaveASmallerLargestPayload() throws IOException {
        RawClient client = open(untouchable(
                MemoryVolume.all(1 << 20).toBuilder().maximumPayload(65536).build()));
        wrong(
                client,
                List.of(new Wrong(0, Nbd.CMD_READ, 0, 65537, EINVAL), new Wrong(0, Nbd.CMD_WRITE, 0, 65537, EINVAL)));
    }

    @Test
    void payloadsThatNobodyWillReceiveEndTheConnection() throws IOException {
        for (long length : new long[] {(64 << 20) + 1, 0xffffffffL, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
            if (!extended && length >>> 32 != 0) {
                continue;
            }
            RawClient client = disk(1 << 20);
            Bytes all = new Bytes();
            client.put(all, 0, Nbd.CMD_FLUSH, 0, 0);
            client.put(all, 0, Nbd.CMD_WRITE, 0, length);
            client.send(all);
            assertEquals(0, client.reply().error(), "what came before is answered");
            client.expectEnd();
        }
    }

    @Test
    void payloadsOfOtherCommandsAreReceivedAndRefused() throws IOException {
        if (!extended) {
            return;
        }
        RawClient client = open(untouchable(MemoryVolume.all(1 << 20)));
        List<Wrong> cases = new ArrayList<>();
        for (int type : new int[] {Nbd.CMD_READ, Nbd.CMD_FLUSH, Nbd.CMD_TRIM, Nbd.CMD_BLOCK_STATUS, 77}) {
            for (int length : new int[] {0, 1, 4096, 100_000}) {
                cases.add(new Wrong(Nbd.CMD_FLAG_PAYLOAD_LEN, type, 0, length, EINVAL));
            }
        }
        wrong(client, cases);
    }

    @Test
    void anExtendedWriteMayForgetToSayThatItHasAPayload() throws IOException {
        RawClient client = disk(1 << 16);
        byte[] data = bytes(5000);
        assertEquals(0, client.call(0, Nbd.CMD_WRITE, 3, 5000, data).error());
        assertArrayEquals(data, client.read(3, 5000).data());
    }

    @Test
    void errorsOfVolumesBecomeNbdsNumbers() throws IOException {
        BlockingQueue<Errno> next = new LinkedBlockingQueue<>();
        String text = "é".repeat(3000);
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), r -> r.fail(next.remove(), text)));
        for (Errno errno : Errno.values()) {
            int expected = switch (errno) {
                case EPERM, EACCES, EROFS -> EPERM;
                case ENOMEM -> 12;
                case EINVAL -> EINVAL;
                case ENOSPC, EDQUOT, EFBIG -> ENOSPC;
                case EOVERFLOW -> 75;
                default -> 5;
            };
            for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
                if (type == Nbd.CMD_DISC || (type == Nbd.CMD_BLOCK_STATUS && mode == ReplyMode.SIMPLE)) {
                    continue;
                }
                next.add(errno);
                int length = type == Nbd.CMD_FLUSH ? 0 : 512;
                Reply reply = client.call(0, type, 0, length, new byte[type == Nbd.CMD_WRITE ? 512 : 0]);
                assertEquals(expected, reply.error(), errno::name);
                if (mode != ReplyMode.SIMPLE) {
                    assertTrue(text.startsWith(reply.text()) && reply.text().length() > 100, reply::text);
                }
            }
        }
    }

    @Test
    void aFailureWithoutTextIsStillAnError() throws IOException {
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), r -> r.fail(Errno.EIO, null)));
        assertEquals(5, client.read(0, 512).error());
        assertEquals(5, client.call(0, Nbd.CMD_FLUSH, 0, 0).error());
    }

    // Volumes that do odd things

    @Test
    void aVolumeMayDoWithItsBufferWhatItLikes() throws IOException {
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), r -> {
            if (r.buffer() != null) {
                assertEquals(r.length(), r.buffer().remaining());
                assertTrue(r.buffer().isDirect());
                assertEquals(ByteOrder.BIG_ENDIAN, r.buffer().order());
                while (r.command() == Command.READ && r.buffer().hasRemaining()) {
                    r.buffer().put((byte) 9);
                }
                r.buffer().order(ByteOrder.LITTLE_ENDIAN).position(0).limit(0);
            }
            r.complete();
        }));
        byte[] nines = new byte[1000];
        Arrays.fill(nines, (byte) 9);
        for (int i = 0; i < 100; i++) {
            Bytes all = new Bytes();
            client.putWrite(all, 0, 0, new byte[1000]);
            long read = client.put(all, 0, Nbd.CMD_READ, 0, 1000);
            client.put(all, 0, 77, 0, 0);
            client.send(all);
            assertArrayEquals(nines, replies(client, 3).get(read).data());
        }
    }

    @Test
    void aRequestCompletesOnce() throws IOException {
        AtomicInteger served = new AtomicInteger();
        RawClient client = open(new FakeVolume(MemoryVolume.all(1 << 20), r -> {
            r.complete();
            r.complete();
            r.fail(Errno.EIO, "too late");
            served.incrementAndGet();
        }));
        for (int i = 1; i <= 100; i++) {
            assertEquals(0, client.call(0, Nbd.CMD_FLUSH, 0, 0).error());
            int count = i;
            Await.until(() -> served.get() == count, "the volume is done with the request");
        }
    }

    // The end

    private void ended(boolean clean) throws IOException {
        server.closeClients();
        server.awaitNothingLeft();
        assertEquals(clean, exports.opened.get(exports.opened.size() - 1).closedClean);
    }

    @Test
    void whoSaysGoodbyeIsAnsweredBefore() throws IOException {
        HoldingVolume holding = new HoldingVolume(new MemoryVolume(1 << 16));
        exports.with("mem/held", holding);
        RawClient client = server.open("mem/held", mode);
        Bytes all = new Bytes();
        client.put(all, 0, Nbd.CMD_READ, 0, 4096);
        client.putWrite(all, 0, 0, new byte[4096]);
        client.send(all);
        client.disconnect();
        holding.awaitHeld(2);
        assertNull(exports.opened.get(exports.opened.size() - 1).closedClean);
        holding.releaseAll();
        replies(client, 2).values().forEach(r -> assertEquals(0, r.error()));
        client.expectEnd();
        ended(true);
    }

    @Test
    void whatFollowsAGoodbyeIsNotServed() throws IOException {
        List<String> seen = new ArrayList<>();
        RawClient client = open(recorder(seen));
        Bytes all = new Bytes();
        client.put(all, 0, Nbd.CMD_FLUSH, 0, 0);
        client.put(all, 0, Nbd.CMD_DISC, 0, 0);
        client.put(all, 0, Nbd.CMD_READ, 0, 1);
        client.send(all);
        assertEquals(0, client.reply().error());
        client.expectEnd();
        ended(true);
        assertEquals(List.of("FLUSH 0+0"), seen);
    }

    @Test
    void whoLeavesWithoutGoodbyeIsMissed() throws IOException {
        RawClient client = disk(1 << 16);
        assertEquals(0, client.read(0, 1).error());
        client.close();
        ended(false);
    }

    @Test
    void whoLeavesWithinAMessageIsMissed() throws IOException {
        for (int length : new int[] {10, 4096, 32_768, 32_769, 300_000, 1 << 20}) {
            RawClient client = disk(1 << 20);
            Bytes all = new Bytes();
            client.putWrite(all, 0, 0, new byte[length]);
            byte[] message = all.array();
            for (int cut : new int[] {1, message.length - length - 1, message.length - length, message.length - 1}) {
                client = server.open("mem/disk", mode);
                client.send(Arrays.copyOf(message, cut));
                client.stopWriting();
                client.expectEnd();
                ended(false);
            }
            assertArrayEquals(
                    new byte[100], server.open("mem/disk", mode).read(0, 100).data(), "half a write is no write");
        }
    }

    @Test
    void whoIsTornAwayIsMissed() throws IOException {
        RawClient client = disk(1 << 16);
        assertEquals(0, client.read(0, 1).error());
        client.reset();
        ended(false);
    }

    @Test
    void garbageEndsTheConnectionAfterWhatCameBefore() throws IOException {
        for (long magic : new long[] {
            0,
            0x12560953,
            0x96744668L,
            0x25609514,
            extended ? Nbd.REQUEST_MAGIC : Nbd.EXTENDED_REQUEST_MAGIC,
            0x67446698,
            0xffffffffL
        }) {
            RawClient client = disk(1 << 16);
            Bytes all = new Bytes();
            client.put(all, 0, Nbd.CMD_READ, 0, 4096);
            client.send(all.u32(magic).raw(new byte[28]));
            assertEquals(0, client.reply().error());
            client.expectEnd();
            ended(false);
        }
    }

    @Test
    void manyGoodbyesWithRequestsInFlight() throws IOException {
        disk(1 << 20).close();
        // The last completion and the goodbye meet in all orders.
        for (int i = 0; i < 300; i++) {
            RawClient client = server.open("mem/disk", mode);
            Bytes all = new Bytes();
            int count = 1 + i % 8;
            for (int k = 0; k < count; k++) {
                client.put(all, 0, Nbd.CMD_READ, k, 1 + i);
            }
            client.put(all, 0, Nbd.CMD_DISC, 0, 0);
            client.send(all);
            replies(client, count);
            client.expectEnd();
            client.close();
        }
        ended(true);
    }
}
