package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.rpc.RpcControl;
import org.nbdrunner.rpc.RunnerAddress;

class ControlServerTest {
    /** The common pool has one thread on two processors, and CompletableFuture asks it even then from JDK 25 on. */
    private static final Executor THREADS = work -> new Thread(work).start();

    private final FakeControl control = new FakeControl();
    private ControlServer server;
    private int idleMs = 60_000;
    private int recordMs = 30_000;

    private RpcControl start(int version, int maxConnections) throws IOException {
        server = new ControlServer(
                control,
                Administration.forbidden(),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                maxConnections,
                idleMs,
                recordMs,
                version);
        return client();
    }

    private RpcControl client() {
        return new RpcControl(List.of(new RunnerAddress("127.0.0.1", server.port())));
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void everyOperationGoesThere(int version) throws Exception {
        try (RpcControl client = start(version, 8)) {
            client.create("dummy", "é;option=x", 1 << 20, true, ProgressListener.NONE);
            client.delete("dummy", "a");
            assertEquals(
                    version == 1 ? 0 : 0x16d,
                    client.premap("dummy", "a", true, 7).flags());
            client.postmap("dummy", "a", "/dev/nbd1", "2026-01-01 00:00:00");
            assertEquals("/dev/nbd7", client.unmap("dummy", "a", ""));
            assertEquals("/dev/nbd1", client.unmap("dummy", "", "/dev/nbd1"));
            assertEquals("/dev/nbd7", client.unmap("dummy", "a", "/dev/nbd1"));
            control.backstores = List.of(new BackstoreInfo(
                    "dummy", 1000, "a\"/b", BackstoreState.DEAD, "/dev/nbd1", "", 1L << 40, 512, 30, true, false));
            assertEquals(control.backstores, client.list("dummy"));
            assertEquals(
                    List.of(
                            "create dummy é;option=x 1048576 true",
                            "delete dummy a",
                            "premap dummy a true 7",
                            "postmap dummy a [/dev/nbd1] [2026-01-01 00:00:00]",
                            "unmap dummy [a] []",
                            "unmap dummy [] [/dev/nbd1]",
                            "unmap dummy [a] [/dev/nbd1]",
                            "list [dummy]"),
                    control.asked);
            control.refusal = new ControlException(Errno.EBUSY, "it is busy");
            ControlException e = assertThrows(ControlException.class, () -> client.delete("dummy", "a"));
            assertEquals(Errno.EBUSY, e.errno());
            assertEquals("it is busy", e.getMessage());
            if (version == 1) {
                assertEquals(
                        Errno.ENOTSUP,
                        assertThrows(ControlException.class, client::handlers).errno());
            } else {
                assertEquals(control.handlers(), client.handlers());
            }
        }
    }

    @Test
    void resizingGoesThereInVersionTwo() throws Exception {
        try (RpcControl client = start(2, 8)) {
            assertEquals("/dev/nbd7", client.resize("dummy", "é;option=x", 1L << 40, true));
            control.device = "";
            assertEquals("", client.resize("dummy", "a", 512, false));
            assertEquals(
                    List.of("resize dummy é;option=x 1099511627776 true", "resize dummy a 512 false"), control.asked);
            control.refusal = new ControlException(Errno.EBUSY, "it is busy");
            ControlException e = assertThrows(ControlException.class, () -> client.resize("dummy", "a", 512, true));
            assertEquals(Errno.EBUSY, e.errno());
            assertEquals("it is busy", e.getMessage());
        }
    }

    @Test
    void aRunnerOfVersionOneCannotResize() throws Exception {
        try (RpcControl client = start(1, 8)) {
            ControlException e = assertThrows(ControlException.class, () -> client.resize("dummy", "a", 512, true));
            assertEquals(Errno.ENOTSUP, e.errno());
            assertTrue(e.getMessage().endsWith("is too old to resize backstores"), e::getMessage);
            client.list("");
            assertEquals(List.of("list []"), control.asked);
        }
    }

    @Test
    void progressIsTold() throws Exception {
        control.creation = new CountDownLatch(1);
        try (RpcControl client = start(2, 8)) {
            CompletableFuture<Long> told = new CompletableFuture<>();
            Thread t = new Thread(() -> {
                try {
                    client.create("dummy", "a", 512, true, (done, total) -> told.complete(done * 10 + total));
                } catch (ControlException e) {
                    told.completeExceptionally(e);
                }
            });
            t.start();
            assertEquals(12, told.get(30, TimeUnit.SECONDS));
            client.list(""); // a creation holds nobody up
            control.creation.countDown();
            t.join(30_000);
            assertTrue(!t.isAlive());
        }
    }

    @Test
    void whoIsNotThereIsNamed() throws Exception {
        try (Socket bound = new Socket()) { // it has a port, so that nobody else does, and does not listen there
            bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            int port = bound.getLocalPort();
            RpcControl client = new RpcControl(RunnerAddress.parse("127.0.0.1:" + port));
            ControlException e = assertThrows(ControlException.class, () -> client.list(""));
            assertEquals(Errno.ECONNREFUSED, e.errno());
            assertTrue(e.getMessage().contains("127.0.0.1:" + port), e.getMessage());
        }
    }

    @Test
    void theNextAddressIsTried() throws Exception {
        start(2, 8).close();
        try (RpcControl client = new RpcControl(RunnerAddress.parse("127.0.0.1:1,127.0.0.1:" + server.port()))) {
            assertEquals(0, client.list("").size());
        }
    }

    private static byte[] record(int... words) throws IOException {
        ByteArrayOutputStream b = new ByteArrayOutputStream();
        DataOutputStream d = new DataOutputStream(b);
        d.writeInt(0x80000000 | words.length * 4);
        for (int w : words) {
            d.writeInt(w);
        }
        return b.toByteArray();
    }

    private int[] reply(byte[] call) throws IOException {
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            s.setSoTimeout(60_000);
            s.getOutputStream().write(call);
            s.shutdownOutput();
            byte[] all = s.getInputStream().readAllBytes();
            int[] words = new int[all.length / 4];
            for (int i = 0; i < words.length; i++) {
                words[i] = java.nio.ByteBuffer.wrap(all).getInt(i * 4);
            }
            return words;
        }
    }

    @Test
    void whatIsNotThereIsRefusedAsTheRfcSays() throws Exception {
        start(2, 8).close();
        int p = Program.NUMBER;
        assertEquals(Call.PROG_UNAVAIL, reply(record(1, 0, 2, 99, 1, 0, 0, 0, 0, 0))[6]);
        int[] mismatch = reply(record(1, 0, 2, p, 3, 0, 0, 0, 0, 0));
        assertEquals(List.of(Call.PROG_MISMATCH, 1, 2), List.of(mismatch[6], mismatch[7], mismatch[8]));
        assertEquals(Call.PROC_UNAVAIL, reply(record(1, 0, 2, p, 1, 7, 0, 0, 0, 0))[6]);
        assertEquals(Call.GARBAGE_ARGS, reply(record(1, 0, 2, p, 1, 1, 0, 0, 0, 0, 0))[6]);
        assertEquals(Call.SUCCESS, reply(record(1, 0, 2, p, 1, 0, 0, 0, 0, 0))[6]);
        assertEquals(1, reply(record(1, 0, 3, p, 1, 0, 0, 0, 0, 0))[3]); // denied
        assertEquals(0, reply(record(1, 1, 2, p, 1, 0, 0, 0, 0, 0)).length); // no call
        assertTrue(control.asked.isEmpty());
    }

    @Test
    void hostileLengthsCostNothing() throws Exception {
        try (RpcControl good = start(2, 64)) {
            List<byte[]> attacks = new ArrayList<>();
            for (int claim : new int[] {0x70000000, -1, Integer.MAX_VALUE, 401}) {
                attacks.add(record(7, 0, 2, Program.NUMBER, 1, 0, 1, claim, 0, 0, 0, 0)); // credential
                attacks.add(record(7, 0, 2, Program.NUMBER, 1, 0, 0, 0, 0, claim)); // verifier
                attacks.add(record(7, 0, 2, Program.NUMBER, 2, 2, 0, 0, 0, 0, claim, 0)); // handler's name
                attacks.add(record(7, 0, 2, Program.NUMBER, 2, 2, 0, 0, 0, 0, 0, claim)); // cfgstring
            }
            attacks.add(new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 1});
            attacks.add(new byte[] {0x7f, (byte) 0xff, (byte) 0xff, (byte) 0xff, 1});
            attacks.add(new byte[4 * 1000]); // empty fragments
            for (byte[] attack : attacks) {
                reply(attack);
                assertEquals(0, good.list("").size());
            }
        }
    }

    @Test
    void aFloodAndASilentClientHoldNobodyUp() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try (RpcControl good = start(2, 20)) {
            good.list("");
            for (int i = 0; i < 60; i++) {
                Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port());
                s.getOutputStream().write(0x80);
                silent.add(s);
            }
            good.list("");
        } finally {
            for (Socket s : silent) {
                s.close();
            }
        }
        try (RpcControl again = client()) {
            untilServed(again, "connections are not given back");
        }
    }

    @Test
    void silentClientsMakeRoom() throws Exception {
        start(2, 3).close();
        List<Socket> silent = new ArrayList<>();
        try (RpcControl late = client()) {
            for (int i = 0; i < 3; i++) {
                silent.add(new Socket(InetAddress.getLoopbackAddress(), server.port()));
            }
            late.list("");
            awaitEnd(silent.get(0));
        } finally {
            for (Socket s : silent) {
                s.close();
            }
        }
    }

    @Test
    void callsThatRunAreAnsweredBeforeTheEnd() throws Exception {
        control.creation = new CountDownLatch(1);
        try (RpcControl client = start(2, 8);
                Socket idle = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            CompletableFuture<Void> created = CompletableFuture.runAsync(
                    () -> {
                        try {
                            client.create("dummy", "a", 512, false, ProgressListener.NONE);
                        } catch (ControlException e) {
                            throw new CompletionException(e);
                        }
                    },
                    THREADS);
            until(() -> !control.asked.isEmpty(), "the call does not arrive");
            CompletableFuture<Void> closed = CompletableFuture.runAsync(server::close, THREADS);
            awaitEnd(idle); // the server has begun to stop
            control.creation.countDown();
            created.get(30, TimeUnit.SECONDS);
            closed.get(30, TimeUnit.SECONDS);
        }
    }

    private static void until(BooleanSupplier condition, String otherwise) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, otherwise);
            Thread.onSpinWait();
        }
    }

    /** Waits until the server has closed the connection. */
    private static void awaitEnd(Socket s) throws IOException {
        s.setSoTimeout(60_000);
        try {
            assertEquals(-1, s.getInputStream().read());
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server keeps the connection", e);
        } catch (SocketException e) {
            assertTrue(e.getMessage().contains("reset"), e.toString());
        }
    }

    @Test
    void whoSendsTooSlowlyIsCutOff() throws Exception {
        recordMs = 200;
        start(2, 8).close();
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            s.getOutputStream().write(0x80);
            awaitEnd(s);
        }
    }

    @Test
    void whoDoesNotReadIsCutOff() throws Exception {
        recordMs = 200;
        start(2, 1).close();
        control.backstores = new ArrayList<>();
        for (int i = 0; i < 60_000; i++) {
            control.backstores.add(new BackstoreInfo(
                    "dummy", 1000, "backstore-" + i, BackstoreState.CREATED, "", "", 512, 512, 0, false, false));
        }
        try (Socket s = new Socket()) {
            s.setReceiveBufferSize(4096);
            s.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
            s.getOutputStream().write(record(1, 0, 2, Program.NUMBER, 1, Program.LIST, 0, 0, 0, 0, HandlerTypes.ALL));
            until(() -> !control.asked.isEmpty(), "the call does not arrive"); // so that it does not count as silent
            try (RpcControl next = client()) {
                untilServed(next, "the only connection is not given back");
            }
        }
    }

    private static void untilServed(RpcControl client, String otherwise) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try {
                client.handlers();
                return;
            } catch (ControlException e) {
                assertTrue(System.nanoTime() < deadline, otherwise + ": " + e.getMessage());
            }
        }
    }

    @Test
    void aClientOutlivesItsSilence() throws Exception {
        idleMs = 100;
        try (RpcControl client = start(2, 8);
                Socket silent = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            client.list("");
            awaitEnd(silent);
            try (Socket later = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                awaitEnd(later); // began to be silent after the client did
            }
            client.list("");
        }
    }

    @Test
    void whoLosesItsConnectionStaysWithItsRunner() throws Exception {
        idleMs = 100;
        start(2, 8).close();
        AtomicInteger tries = new AtomicInteger();
        try (ServerSocket broken = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Thread t = new Thread(() -> turnAway(broken, tries));
            t.setDaemon(true);
            t.start();
            try (RpcControl client = new RpcControl(List.of(
                            new RunnerAddress("127.0.0.1", broken.getLocalPort()),
                            new RunnerAddress("127.0.0.1", server.port())));
                    Socket silent = new Socket()) {
                client.premap("dummy", "a", false, 7);
                assertEquals(1, tries.get());
                silent.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
                awaitEnd(silent); // began to be silent after the client did
                client.postmap("dummy", "a", "/dev/nbd1", "2026-01-01 00:00:00");
                assertEquals(1, tries.get());
            }
        }
    }

    private static void turnAway(ServerSocket listener, AtomicInteger tries) {
        while (!listener.isClosed()) {
            try {
                Socket s = listener.accept();
                tries.incrementAndGet();
                s.close();
            } catch (IOException e) {
                assertTrue(listener.isClosed(), e.toString());
            }
        }
    }

    @Test
    void threadsShareOneConnection() throws Exception {
        RpcControl client = start(2, 1);
        int count = 16;
        CyclicBarrier barrier = new CyclicBarrier(count);
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            List<Future<List<BackstoreInfo>>> lists = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                lists.add(threads.submit(() -> {
                    barrier.await(30, TimeUnit.SECONDS);
                    return client.list("");
                }));
            }
            for (Future<List<BackstoreInfo>> list : lists) {
                assertEquals(0, list.get(30, TimeUnit.SECONDS).size()); // a second connection would take the only place
            }
        } finally {
            threads.shutdownNow();
            client.close();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void whatWouldArriveAsSomethingElseIsNotSent(int version) throws Exception {
        int room = version == 1 ? 31 : 32;
        String fits = "/dev/" + "é".repeat(13);
        String tooLong = "/dev/" + "é".repeat(14);
        String time = "2026-01-01 00:00:00";
        try (RpcControl client = start(version, 8)) {
            client.postmap("dummy", "a", fits, "1".repeat(room));
            client.unmap("dummy", "", fits);
            assertEquals(
                    List.of(
                            "postmap dummy a [" + fits + "] [" + "1".repeat(room) + "]",
                            "unmap dummy [] [" + fits + "]"),
                    control.asked);
            control.asked.clear();
            refused(Errno.ENAMETOOLONG, () -> client.postmap("dummy", "a", tooLong, time));
            refused(Errno.ENAMETOOLONG, () -> client.postmap("dummy", "a", fits, "1".repeat(room + 1)));
            refused(Errno.ENAMETOOLONG, () -> client.unmap("dummy", "", tooLong));
            refused(Errno.ENAMETOOLONG, () -> client.delete("dummy", "a".repeat(1024)));
            refused(Errno.EINVAL, () -> client.postmap("dummy", "a", "/dev/nbd1\0", time));
            refused(Errno.EINVAL, () -> client.postmap("dummy", "a", "/dev/nbd1", time + "\0"));
            refused(Errno.EINVAL, () -> client.unmap("dummy", "", "/dev/nbd1\0"));
            refused(Errno.EINVAL, () -> client.delete("dummy", "a\0b"));
            assertTrue(control.asked.isEmpty());
        }
    }

    private static void refused(Errno errno, Executable call) {
        assertEquals(errno, assertThrows(ControlException.class, call).errno());
    }

    @Test
    void whatIsNotUtf8IsRefused() throws Exception {
        start(2, 8).close();
        int p = Program.NUMBER;
        assertEquals(Call.GARBAGE_ARGS, reply(record(1, 0, 2, p, 2, Program.PROGRESS, 0, 0, 0, 0, 1, 0xe9000000))[6]);
        int[] call = new int[10 + 1 + Program.CFGSTRING];
        System.arraycopy(new int[] {1, 0, 2, p, 1, Program.DELETE, 0, 0, 0, 0, 1000, 0xffffffe9}, 0, call, 0, 12);
        assertEquals(Call.GARBAGE_ARGS, reply(record(call))[6]);
        assertTrue(control.asked.isEmpty());
    }

    @Test
    void whatHasNoEndIsRefused() throws Exception {
        start(2, 8).close();
        int[] call = new int[10 + 1 + Program.CFGSTRING];
        Arrays.fill(call, 'a');
        System.arraycopy(new int[] {1, 0, 2, Program.NUMBER, 1, Program.DELETE, 0, 0, 0, 0, 1000}, 0, call, 0, 11);
        assertEquals(Call.GARBAGE_ARGS, reply(record(call))[6]);
        assertTrue(control.asked.isEmpty());
        call[call.length - 1] = 0;
        assertEquals(Call.SUCCESS, reply(record(call))[6]);
        assertEquals(List.of("delete dummy " + "a".repeat(Program.CFGSTRING - 1)), control.asked);
    }

    /** Mutated calls either decode or are refused, and cost no more memory than their length allows. */
    @Test
    void nonsenseIsRefusedCheaply() throws Exception {
        String[] names = {
            "rpc-create-call", "rpc-premap-call", "rpc-postmap-call", "rpc-unmap-by-device-call", "rpc-list-all-call"
        };
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        List<byte[]> calls = new ArrayList<>();
        for (String name : names) {
            calls.add(Vectors.read(name));
        }
        Random random = new Random(4711);
        for (int i = 0; i < 30_000; i++) {
            byte[] vector = calls.get(i % calls.size());
            byte[] call = Arrays.copyOfRange(
                    vector, 4, random.nextInt(4) == 0 ? 4 + random.nextInt(vector.length - 4) : vector.length);
            for (int k = random.nextInt(6); k > 0 && call.length > 0; k--) {
                call[random.nextInt(Math.min(call.length, 120))] = (byte) random.nextInt();
            }
            long before = threads.getCurrentThreadAllocatedBytes();
            try {
                XdrBufferDecodingStream in = new XdrBufferDecodingStream(call, call.length & ~3);
                in.beginDecoding();
                Call c = Call.decode(in);
                Arguments.decode(1 + (c.version() & 1), c.procedure() & 15, in, call.length);
            } catch (OncRpcException e) {
                assertTrue(e.getReason() != 0);
            }
            long spent = threads.getCurrentThreadAllocatedBytes() - before;
            assertTrue(spent < 100_000, "round " + i + " took " + spent + " bytes");
        }
    }
}
