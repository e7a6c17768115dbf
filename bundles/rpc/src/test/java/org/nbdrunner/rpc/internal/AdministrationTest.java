package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.rpc.RpcControl;
import org.nbdrunner.rpc.RunnerAddress;

/** Handlers are changed over the network where that is allowed. */
class AdministrationTest {
    @TempDir
    private Path directory;

    private final FakeControl control = new FakeControl();
    private final FakeAdmin admin = new FakeAdmin();
    private boolean allowed = true;
    private FakeAdmin service = admin;
    private int maxConnections = 16;
    private Path uploads;
    private Path jar;
    private byte[] content;
    private ControlServer server;

    @BeforeEach
    void write() throws IOException {
        uploads = directory.resolve("uploads");
        content = new byte[2 * Program.PIECE + 12_345];
        new Random(1).nextBytes(content);
        jar = Files.write(directory.resolve("rot13.jar"), content);
    }

    private RpcControl start(int version) throws IOException {
        server = new ControlServer(
                control,
                new Administration(allowed, () -> service, uploads),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                maxConnections,
                60_000,
                30_000,
                version);
        return new RpcControl(List.of(new RunnerAddress("127.0.0.1", server.port())));
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private static ControlException refused(Errno errno, Executable call) {
        ControlException e = assertThrows(ControlException.class, call);
        assertEquals(errno, e.errno(), e::getMessage);
        return e;
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

    @Test
    void everyChangeGoesThere() throws Exception {
        try (RpcControl client = start(2)) {
            assertEquals("rot13 1.0.0", client.install(jar));
            assertEquals("rot13 1.1.0", client.upgrade(jar));
            assertEquals("file 1.1.0", client.add("file"));
            client.remove("file", false);
            client.remove("dummy", true);
            String sum = FakeAdmin.sum(content);
            assertEquals(
                    List.of("install " + sum, "upgrade " + sum, "add file", "remove file false", "remove dummy true"),
                    admin.asked);
            admin.refusal = new ControlException(Errno.EIO, "rot13 1.1.0 cannot open a: rolled back to 1.0.0");
            assertEquals(
                    "rot13 1.1.0 cannot open a: rolled back to 1.0.0",
                    refused(Errno.EIO, () -> client.upgrade(jar)).getMessage());
            assertEquals(0, files());
        }
    }

    @Test
    void aFileOfWholePiecesArrivesWhole() throws Exception {
        byte[] whole = new byte[2 * Program.PIECE];
        try (RpcControl client = start(2)) {
            client.install(Files.write(directory.resolve("whole.jar"), whole));
            client.install(Files.write(directory.resolve("tiny.jar"), new byte[1]));
            assertEquals(
                    List.of("install " + FakeAdmin.sum(whole), "install " + FakeAdmin.sum(new byte[1])), admin.asked);
        }
    }

    private static List<Executable> changes(RpcControl client, Path jar) {
        return List.of(
                () -> client.install(jar),
                () -> client.upgrade(jar),
                () -> client.add("file"),
                () -> client.remove("file", true));
    }

    @Test
    void nobodyMayUnlessTheConfigurationSaysSo() throws Exception {
        allowed = false;
        try (RpcControl client = start(2)) {
            for (Executable change : changes(client, jar)) {
                String reason = refused(Errno.EPERM, change).getMessage();
                assertTrue(reason.contains("handlerAdministration = true"), reason);
                assertTrue(reason.contains("conf/org.nbdrunner.rpc.cfg"), reason);
                assertTrue(reason.contains("Gogo shell"), reason);
            }
        }
        assertEquals(List.of(), admin.asked);
        assertEquals(0, files());
    }

    @Test
    void saysThatNobodyDoesIt() throws Exception {
        service = null;
        try (RpcControl client = start(2)) {
            for (Executable change : changes(client, jar)) {
                String reason = refused(Errno.ENOTSUP, change).getMessage();
                assertTrue(reason.contains("no administration of handlers"), reason);
            }
            service = admin;
            assertEquals("file 1.1.0", client.add("file"));
        }
    }

    @Test
    void saysThatARunnerOfVersionOneIsTooOld() throws Exception {
        try (RpcControl client = start(1)) {
            for (Executable change : changes(client, jar)) {
                assertTrue(refused(Errno.ENOTSUP, change).getMessage().contains("too old"));
            }
        }
    }

    /** Version 2 as of nbd-runner 1.0. */
    @Test
    void saysThatARunnerWithoutTheseProceduresIsTooOld() throws Exception {
        try (ServerSocket old = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Thread t = new Thread(() -> serveNothing(old));
            t.setDaemon(true);
            t.start();
            try (RpcControl client = new RpcControl(List.of(new RunnerAddress("127.0.0.1", old.getLocalPort())))) {
                for (Executable change : changes(client, jar)) {
                    assertTrue(refused(Errno.ENOTSUP, change).getMessage().contains("too old"));
                }
                assertTrue(refused(Errno.ENOTSUP, () -> client.resize("dummy", "a", 512, true))
                        .getMessage()
                        .contains("too old"));
            }
        }
    }

    private static void serveNothing(ServerSocket listener) {
        while (!listener.isClosed()) {
            try {
                Socket s = listener.accept();
                Thread t = new Thread(() -> answerNothing(s));
                t.setDaemon(true);
                t.start();
            } catch (IOException e) {
                assertTrue(listener.isClosed(), e.toString());
            }
        }
    }

    private static void answerNothing(Socket socket) {
        try (socket) {
            Records records = new Records(socket, 60_000, 60_000);
            for (byte[] r = records.read(1 << 20); r != null; r = records.read(1 << 20)) {
                XdrBufferDecodingStream in = new XdrBufferDecodingStream(r, r.length);
                in.beginDecoding();
                Call call = Call.decode(in);
                XdrBufferEncodingStream out = new XdrBufferEncodingStream(1024);
                out.beginEncoding(null, 0);
                call.accept(out, call.procedure() == Program.NULL ? Call.SUCCESS : Call.PROC_UNAVAIL);
                records.write(out.getXdrData(), out.getXdrLength());
            }
        } catch (IOException | OncRpcException e) {
            throw new AssertionError(e);
        }
    }

    /** Nobody listens there, and nobody needs to. */
    @Test
    void namesAFileThatCannotBeSent() throws Exception {
        RpcControl client = new RpcControl(List.of(new RunnerAddress("127.0.0.1", 1)));
        Path missing = directory.resolve("missing.jar");
        assertEquals(
                "there is no file " + missing,
                refused(Errno.ENOENT, () -> client.install(missing)).getMessage());
        assertEquals(
                directory + " is no file",
                refused(Errno.EINVAL, () -> client.install(directory)).getMessage());
        Path empty = Files.createFile(directory.resolve("empty.jar"));
        refused(Errno.EINVAL, () -> client.upgrade(empty));
        Path large = directory.resolve("large.jar");
        try (RandomAccessFile f = new RandomAccessFile(large.toFile(), "rw")) {
            f.setLength(Program.FILE + 1);
        }
        refused(Errno.EFBIG, () -> client.upgrade(large));
        refused(Errno.ECONNREFUSED, () -> client.upgrade(jar));
    }

    @Test
    void noticesAFileThatBecomesShorter() throws Exception {
        try (BundleFile file = BundleFile.open(jar)) {
            assertEquals(Program.PIECE, file.next().length);
            try (RandomAccessFile f = new RandomAccessFile(jar.toFile(), "rw")) {
                f.setLength(Program.PIECE + 100);
            }
            refused(Errno.EIO, file::next);
        }
    }

    @Test
    void tellsAllOfAHandler() throws Exception {
        control.handlers = List.of(
                new HandlerInfo("a", 10001, 3, "1.2.0.x", 17, HandlerState.OPENING, 2, 64, "1.3.0 was \"rolled back\""),
                new HandlerInfo("b", 10002, 1, "", -1, HandlerState.ABSENT, 1, 0, ""));
        try (RpcControl client = start(2)) {
            assertEquals(control.handlers, client.handlers());
        }
    }

    @Test
    void understandsOlderAndNewerLists() throws Exception {
        assertEquals(
                List.of(new HandlerInfo("a", 10001, 3)),
                Listing.parseHandlers("{\"a\":{\"type\":10001,\"backstores\":3}}"));
        assertEquals(
                List.of(new HandlerInfo("a", 10001, 3, "2", -1, HandlerState.ACTIVE, 0, 0, "")),
                Listing.parseHandlers("{\"a\":{\"type\":10001,\"backstores\":3,\"version\":\"2\",\"new\":[{}]}}"));
        assertThrows(
                IOException.class,
                () -> Listing.parseHandlers("{\"a\":{\"type\":1,\"backstores\":3,\"state\":\"lost\"}}"));
    }

    /** An upgrade may take minutes, in which the connection is silent and others want its place. */
    @Test
    void keepsTheConnectionOfWhoWaits() throws Exception {
        maxConnections = 2;
        admin.upgrade = new CountDownLatch(1);
        try (RpcControl client = start(2)) {
            CompletableFuture<String> upgraded = CompletableFuture.supplyAsync(() -> {
                try {
                    return client.upgrade(jar);
                } catch (ControlException e) {
                    throw new CompletionException(e);
                }
            });
            until(() -> !admin.asked.isEmpty(), "the call does not arrive");
            try (Socket first = silent();
                    Socket second = silent();
                    Socket third = silent()) {
                assertEquals(-1, first.getInputStream().read(), "the second has got its place");
                assertEquals(-1, second.getInputStream().read(), "the third has got its place");
                assertFalse(third.isClosed());
            }
            assertFalse(upgraded.isDone());
            admin.upgrade.countDown();
            assertEquals("rot13 1.1.0", upgraded.get(60, TimeUnit.SECONDS));
            assertEquals(0, files());
        }
    }

    private Socket silent() throws IOException {
        Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port());
        s.setSoTimeout(60_000);
        return s;
    }
}
