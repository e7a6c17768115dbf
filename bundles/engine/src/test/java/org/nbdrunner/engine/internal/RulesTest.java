package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.net.SocketTransport;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** The rules of the protocol that are easy to get wrong, one by one; those of TLS are in {@link TlsTest}. */
@Timeout(60)
final class RulesTest {
    private static final int SIZE = 64 << 20;

    /** What the volume was asked for, and what it completed, in order. */
    private final List<String> log = Collections.synchronizedList(new ArrayList<>());

    private final MemoryVolume memory = new MemoryVolume(SIZE);
    private final TestExports exports = new TestExports()
            .with("mem/disk", new FakeVolume(memory.info(), r -> {
                log.add(r.command() + (r.fua() ? " fua" : "") + (r.noHole() ? " no-hole" : ""));
                memory.submit(r);
            }))
            .with(
                    "mem/ro",
                    new FakeVolume(memory.info().toBuilder().readOnly(true).build(), memory::submit))
            .with("mem/slow", new FakeVolume(memory.info(), r -> r.fail(Errno.ENOTSUP, "no faster than writing")))
            .with(
                    "mem/full",
                    new FakeVolume(
                            memory.info(),
                            r -> r.fail(r.command() == Command.WRITE ? Errno.EDQUOT : Errno.EFBIG, "full")));
    private TestServer server;

    @BeforeEach
    void start() throws IOException {
        server = new TestServer(exports);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    @Test
    void unknownClientFlagDropsTheConnection() throws IOException {
        RawClient client = server.connect();
        client.hello(RawClient.FIXED | 4);
        client.expectEnd();
    }

    @Test
    void abortIsAcknowledgedThoughTheClientMayNotWait() throws IOException {
        RawClient client = server.connect().hello();
        client.acknowledged(Nbd.OPT_ABORT, new byte[9]);
        client.expectEnd();
        for (int i = 0; i < 20; i++) {
            RawClient hasty = server.connect().hello();
            hasty.send(new Bytes().option(Nbd.OPT_ABORT));
            if (i % 2 == 0) {
                hasty.reset();
            } else {
                hasty.close();
            }
        }
        assertEquals(0, server.open("mem/disk", ReplyMode.SIMPLE).read(0, 1).error());
    }

    @Test
    void infoAndGoGiveTheSameAnswers() throws IOException {
        exports.with(
                "mem/blocks",
                new FakeVolume(
                        memory.info().toBuilder()
                                .minimumBlock(4096)
                                .description("größer")
                                .build(),
                        r -> {}));
        int[][] requests = {{}, {3}, {0, 1, 2, 3}, {3, 2, 1, 0, 3}, {77, 1}};
        for (String name : List.of("mem/disk", "mem/ro", "mem/blocks", "mem/none", "")) {
            for (int[] request : requests) {
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = server.connect().hello();
                    client.headers(mode);
                    String info = tell(client.ask(Nbd.OPT_INFO, RawClient.info(name, request)));
                    String again = tell(client.ask(Nbd.OPT_INFO, RawClient.info(name, request)));
                    String go = tell(client.ask(Nbd.OPT_GO, RawClient.info(name, request)));
                    assertEquals(info, again);
                    assertEquals(info, go);
                }
            }
        }
    }

    private static String tell(List<Answer> answers) {
        StringBuilder all = new StringBuilder();
        for (Answer a : answers) {
            all.append(a.type()).append(' ').append(Bytes.hex(a.data())).append('\n');
        }
        return all.toString();
    }

    @Test
    void readsAreAnsweredInChunksOnceThatIsAgreedOn() throws IOException {
        RawClient client = server.open("mem/disk", ReplyMode.STRUCTURED);
        // The client refuses simple replies to reads itself.
        Reply badFlags = client.call(0x8000, Nbd.CMD_READ, 0, 512);
        Reply beyond = client.read(SIZE, 512);
        Reply good = client.read(0, 512);
        assertEquals(22, badFlags.error());
        assertEquals(22, beyond.error());
        assertEquals(0, good.error());
        assertFalse(badFlags.text().isEmpty(), "an error says what is wrong");
        assertFalse(beyond.text().isEmpty(), "an error says what is wrong");
    }

    @Test
    void unfragmentedReadsHaveOneChunk() throws IOException {
        byte[] data = new byte[SIZE / 2];
        Arrays.fill(data, 1 << 16, 1 << 18, (byte) 3);
        RawClient client = server.open("mem/disk", ReplyMode.STRUCTURED);
        assertEquals(0, client.write(0, 0, data).error());
        for (int length : new int[] {1, 1 << 16, 1 << 20, 32 << 20}) {
            client.send(new Bytes().request(Nbd.CMD_FLAG_DF, Nbd.CMD_READ, 7, 0, length));
            ByteBuffer head = ByteBuffer.wrap(client.read(28));
            assertEquals(Nbd.STRUCTURED_REPLY_MAGIC, head.getInt());
            assertEquals(Nbd.REPLY_FLAG_DONE, head.getShort());
            assertEquals(Nbd.REPLY_TYPE_OFFSET_DATA, head.getShort());
            assertEquals(7, head.getLong());
            assertEquals(length + 8, head.getInt());
            assertEquals(0, head.getLong());
            assertArrayEquals(Arrays.copyOf(data, length), client.read(length));
        }
    }

    @Test
    void contextsAreForTheExportThatIsChosenAndEndWhenAnotherSelectionFails() throws IOException {
        byte[] right = RawClient.contexts("mem/disk", Nbd.BASE_ALLOCATION);
        byte[] other = RawClient.contexts("mem/ro", Nbd.BASE_ALLOCATION);
        byte[] failing = RawClient.contexts("mem/none", Nbd.BASE_ALLOCATION);
        assertEquals(0, statusAfter(right).error());
        assertEquals(0, statusAfter(other, right).error());
        assertEquals(0, statusAfter(failing, right).error());
        assertEquals(22, statusAfter(right, failing).error());
        assertEquals(22, statusAfter(right, other).error());
        assertEquals(22, statusAfter().error());
    }

    private Reply statusAfter(byte[]... selections) throws IOException {
        RawClient client = server.connect().hello();
        client.headers(ReplyMode.STRUCTURED);
        for (byte[] selection : selections) {
            client.ask(Nbd.OPT_SET_META_CONTEXT, selection);
        }
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        return client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 4096);
    }

    @Test
    void forcedAccessIsAllowedForEachCommand() throws IOException {
        RawClient client = server.open("mem/disk", ReplyMode.EXTENDED);
        for (int type = Nbd.CMD_READ; type <= Nbd.CMD_BLOCK_STATUS; type++) {
            if (type == Nbd.CMD_WRITE) {
                assertEquals(0, client.write(Nbd.CMD_FLAG_FUA, 0, new byte[512]).error());
            } else if (type != Nbd.CMD_DISC) {
                int length = type == Nbd.CMD_FLUSH ? 0 : 512;
                assertEquals(0, client.call(Nbd.CMD_FLAG_FUA, type, 0, length).error(), "command " + type);
            }
        }
        assertEquals(
                List.of("READ", "WRITE fua", "FLUSH", "TRIM fua", "CACHE", "WRITE_ZEROES fua", "BLOCK_STATUS"), log);
    }

    @Test
    void aFlushComesAfterWhatWasAnsweredOnAnyConnection() throws IOException {
        RawClient one = server.open("mem/disk", ReplyMode.SIMPLE);
        RawClient other = server.open("mem/disk", ReplyMode.EXTENDED);
        byte[] data = {1, 2, 3};
        assertEquals(0, one.write(0, 100, data).error());
        assertEquals(0, other.call(0, Nbd.CMD_FLUSH, 0, 0).error());
        assertArrayEquals(data, other.read(100, 3).data());
        assertEquals(List.of("WRITE", "FLUSH", "READ"), log);
    }

    @Test
    void zeroingKeepsItsPromises() throws IOException {
        RawClient client = server.open("mem/disk", ReplyMode.STRUCTURED);
        assertEquals(
                0,
                client.call(Nbd.CMD_FLAG_NO_HOLE, Nbd.CMD_WRITE_ZEROES, 0, 4096).error());
        assertEquals(List.of("WRITE_ZEROES no-hole"), log);
        RawClient slow = server.open("mem/slow", ReplyMode.STRUCTURED);
        int fast = Nbd.CMD_FLAG_FAST_ZERO;
        assertEquals(95, slow.call(fast, Nbd.CMD_WRITE_ZEROES, 0, 4096).error());
        assertEquals(
                5,
                slow.call(0, Nbd.CMD_WRITE_ZEROES, 0, 4096).error(),
                "not supported is an answer to the fast kind only");
        assertEquals(5, slow.call(0, Nbd.CMD_TRIM, 0, 4096).error());
    }

    @Test
    void limitsAreThoseThatEveryClientMayAssume() throws IOException {
        RawClient client = server.connect().hello();
        List<Answer> answers = client.ask(Nbd.OPT_GO, RawClient.info("mem/disk", Nbd.INFO_BLOCK_SIZE));
        assertArrayEquals(
                new Bytes()
                        .u16(Nbd.INFO_BLOCK_SIZE)
                        .u32(1)
                        .u32(4096)
                        .u32(32 << 20)
                        .array(),
                answers.get(1).data());
        assertEquals(0, client.read(1, 1).error());
        assertEquals(0, client.read(0, 32 << 20).error());
        assertEquals(0, client.write(0, 0, new byte[32 << 20]).error());
        assertEquals(0, client.call(0, Nbd.CMD_TRIM, 0, SIZE).error());
        assertEquals(0, client.call(0, Nbd.CMD_WRITE_ZEROES, 0, SIZE).error());
        assertEquals(0, client.call(0, Nbd.CMD_CACHE, 0, SIZE).error());
        VolumeInfo.Builder builder = VolumeInfo.builder(SIZE);
        assertThrows(IllegalArgumentException.class, () -> builder.minimumBlock(1 << 17));
    }

    @Test
    void errorsAreThoseOfTheProtocol() throws IOException {
        RawClient client = server.open("mem/disk", ReplyMode.EXTENDED);
        assertEquals(28, client.write(0, SIZE, new byte[512]).error());
        assertEquals(28, client.call(0, Nbd.CMD_WRITE_ZEROES, SIZE, 512).error());
        assertEquals(22, client.read(SIZE, 512).error());
        assertEquals(22, client.call(0, Nbd.CMD_TRIM, SIZE, 512).error());
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, SIZE, 512).error());
        RawClient readOnly = server.open("mem/ro", ReplyMode.EXTENDED);
        assertEquals(1, readOnly.write(0, 0, new byte[512]).error());
        assertEquals(1, readOnly.call(0, Nbd.CMD_TRIM, 0, 512).error());
        assertEquals(1, readOnly.call(0, Nbd.CMD_WRITE_ZEROES, 0, 512).error());
        RawClient full = server.open("mem/full", ReplyMode.EXTENDED);
        assertEquals(28, full.write(0, 0, new byte[512]).error());
        assertEquals(28, full.call(0, Nbd.CMD_WRITE_ZEROES, 0, 512).error());
    }

    @Test
    void reservedMagicsAreNoRequests() throws IOException {
        for (ReplyMode mode : ReplyMode.values()) {
            for (long magic : new long[] {0x12560953L, 0x96744668L, 0x25609514L}) {
                RawClient client = server.open("mem/disk", mode);
                client.send(new Bytes().u32(magic).raw(new byte[28]));
                client.expectEnd();
            }
        }
        assertEquals(List.of(), log);
    }

    @Test
    void smallRepliesAreNotDelayedByTcp() throws IOException {
        try (ServerSocketChannel listener =
                ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            try (SocketChannel client = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel accepted = listener.accept()) {
                assertTrue(client.isConnected());
                new SocketTransport(accepted);
                assertTrue(accepted.getOption(StandardSocketOptions.TCP_NODELAY));
            }
        }
    }
}
