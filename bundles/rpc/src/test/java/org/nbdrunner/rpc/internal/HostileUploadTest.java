package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Errno;

/** What hostile clients send in place of a handler's bundle costs a bounded space, and leaves nothing behind. */
class HostileUploadTest {
    @TempDir
    private Path directory;

    private final FakeAdmin admin = new FakeAdmin();
    private Path uploads;
    private ControlServer server;

    @BeforeEach
    void start() throws IOException {
        uploads = directory.resolve("uploads");
        server = new ControlServer(
                new FakeControl(),
                new Administration(true, () -> admin, uploads),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                16,
                60_000);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static void until(BooleanSupplier condition, String otherwise) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, otherwise);
            Thread.onSpinWait();
        }
    }

    private long files() {
        if (!Files.isDirectory(uploads)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(uploads)) {
            return files.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Connection connect() throws IOException {
        return new Connection(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()), 60_000);
    }

    private static int exit(Connection c, int procedure, long number, byte[] data) throws IOException {
        Arguments a = new Arguments();
        a.size = number;
        a.offset = number;
        a.data = data;
        Answer answer = c.call(Program.VERSION_2, procedure, a);
        assertNotNull(answer);
        return -answer.exit;
    }

    private static int upload(Connection c, long offset, int bytes) throws IOException {
        return exit(c, Program.UPLOAD, offset, new byte[bytes]);
    }

    private static int begin(Connection c, long size) throws IOException {
        return exit(c, Program.BEGIN_UPLOAD, size, new byte[0]);
    }

    private static int install(Connection c) throws IOException {
        return exit(c, Program.INSTALL, 0, new byte[0]);
    }

    @Test
    void refusesWhatComesInNoOrder() throws Exception {
        int einval = Errno.EINVAL.number();
        try (Connection c = connect()) {
            assertEquals(einval, upload(c, 0, 10));
            assertEquals(einval, install(c));
            assertEquals(0, begin(c, 100));
            assertEquals(einval, install(c), "nothing was sent");
            assertEquals(0, begin(c, 100));
            assertEquals(0, upload(c, 0, 60));
            assertEquals(0, begin(c, 200), "begun anew");
            assertEquals(1, files());
            assertEquals(einval, upload(c, 60, 60));
            assertEquals(0, files(), "given up");
            assertEquals(einval, upload(c, 0, 60));
            assertEquals(0, begin(c, 100));
            assertEquals(0, upload(c, 0, 60));
            assertEquals(Errno.EFBIG.number(), upload(c, 60, 41));
            assertEquals(Errno.EFBIG.number(), begin(c, Program.FILE + 1));
            assertEquals(einval, begin(c, -1));
            assertEquals(0, files());
            assertEquals(List.of(), admin.asked);
            assertEquals(0, begin(c, 100));
            assertEquals(0, upload(c, 0, 100));
            assertEquals(0, install(c));
            assertEquals(einval, install(c), "it is done once");
        }
        assertEquals(List.of("install " + FakeAdmin.sum(new byte[100])), admin.asked);
    }

    @Test
    void takesLongRecordsOnlyWhereAFileIsSent() throws Exception {
        try (Connection c = connect()) {
            assertThrows(IOException.class, () -> upload(c, 0, ControlServer.MAX_RECORD));
        }
        try (Connection c = connect()) {
            assertEquals(0, begin(c, Program.FILE));
            assertEquals(0, upload(c, 0, Program.PIECE));
            assertThrows(IOException.class, () -> upload(c, Program.PIECE, Program.PIECE + 1), "too long a piece");
        }
        try (Connection c = connect()) {
            assertEquals(0, begin(c, Program.FILE));
            assertThrows(IOException.class, () -> upload(c, 0, Program.PIECE + ControlServer.MAX_RECORD));
        }
        until(() -> files() == 0, "what was sent is kept");
    }

    @Test
    void whatWasSentGoesWithTheConnection() throws Exception {
        for (int i = 0; i < 3 * Uploads.AT_ONCE; i++) {
            try (Connection c = connect()) {
                assertEquals(0, begin(c, Program.FILE));
                assertEquals(0, upload(c, 0, Program.PIECE));
                assertEquals(1, files());
            }
            until(() -> files() == 0, "what was sent is kept");
        }
        assertEquals(List.of(), admin.asked);
    }

    @Test
    void aPieceThatStopsInItsMiddleLeavesNothing() throws Exception {
        XdrBufferEncodingStream out = new XdrBufferEncodingStream(1024);
        out.beginEncoding(null, 0);
        Call.encode(out, 1, Program.VERSION_2, Program.BEGIN_UPLOAD);
        out.xdrEncodeLong(1000);
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            Records records = new Records(s, 60_000, 60_000);
            records.write(out.getXdrData(), out.getXdrLength());
            assertNotNull(records.read(1024));
            assertEquals(1, files());
            s.getOutputStream().write(new byte[] {(byte) 0x80, 0, 2, 0, 1, 2, 3});
            s.shutdownOutput();
            assertNull(records.read(1024));
        }
        until(() -> files() == 0, "what was sent is kept");
    }

    @Test
    void aClaimAloneCostsNothing() throws Exception {
        for (int claim : new int[] {Program.PIECE, Program.PIECE + 1, -1, Integer.MAX_VALUE}) {
            XdrBufferEncodingStream out = new XdrBufferEncodingStream(1024);
            out.beginEncoding(null, 0);
            Call.encode(out, 1, Program.VERSION_2, Program.UPLOAD);
            out.xdrEncodeLong(0);
            out.xdrEncodeInt(claim);
            try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                Records records = new Records(s, 60_000, 60_000);
                records.write(out.getXdrData(), out.getXdrLength());
                byte[] reply = records.read(1024);
                XdrBufferDecodingStream in = new XdrBufferDecodingStream(reply, reply.length);
                in.beginDecoding();
                assertEquals(Call.GARBAGE_ARGS, Call.decodeReply(in, 1));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "../x", "/etc/x", "a\nb", "a b", "-a", "a\u00a0"})
    void refusesNamesThatNoHandlerHas(String name) throws Exception {
        Arguments a = new Arguments();
        a.feature = name;
        a.handler = name;
        try (Connection c = connect()) {
            assertEquals(-Errno.EINVAL.number(), c.call(Program.VERSION_2, Program.ADD, a).exit);
            assertEquals(-Errno.EINVAL.number(), c.call(Program.VERSION_2, Program.REMOVE, a).exit);
        }
        assertEquals(List.of(), admin.asked);
    }

    @Test
    void sendsABoundedNumberAtOnce() throws Exception {
        Connection[] all = new Connection[Uploads.AT_ONCE];
        try (Connection late = connect()) {
            for (int i = 0; i < all.length; i++) {
                all[i] = connect();
                assertEquals(0, begin(all[i], 100));
            }
            assertEquals(Errno.EBUSY.number(), begin(late, 100));
            all[0].close();
            until(() -> files() < Uploads.AT_ONCE, "what was sent is kept");
            assertEquals(0, begin(late, 100));
        } finally {
            for (Connection c : all) {
                c.close();
            }
        }
    }
}
