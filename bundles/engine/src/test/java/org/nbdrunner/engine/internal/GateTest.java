package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Connections whose export is held back, taken away, too slow, or whose server stops. */
@Timeout(60)
final class GateTest {
    private static final int SIZE = 1 << 20;
    private static final int EIO = 5;

    private final HoldingVolume holding = new HoldingVolume(new MemoryVolume(SIZE));
    private final TestExports exports =
            new TestExports().with("mem/disk", new MemoryVolume(SIZE)).with("mem/held", holding);
    private TestServer server;

    private void start(EngineSettings settings) throws IOException {
        server = new TestServer(exports, settings);
    }

    private void start() throws IOException {
        start(EngineSettings.DEFAULT);
    }

    private void startWithDrainTimeout(Duration drainTimeout) throws IOException {
        start(new EngineSettings(10, 64 << 20, 1024, Duration.ofSeconds(30), drainTimeout));
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private TestExports.Open lastOpened() {
        return exports.opened.get(exports.opened.size() - 1);
    }

    private static void sendReads(RawClient client, int count) throws IOException {
        Bytes all = new Bytes();
        for (int i = 0; i < count; i++) {
            client.put(all, 0, Nbd.CMD_READ, i * 512L, 512);
        }
        client.send(all);
    }

    private static void expectReplies(RawClient client, int count, int error) throws IOException {
        for (int i = 0; i < count; i++) {
            assertEquals(error, client.reply().error());
        }
    }

    // The gate

    @Test
    void whatIsDoneIsAnsweredBeforeAConnectionWaits() throws IOException {
        start();
        AtomicInteger count = new AtomicInteger();
        exports.with("mem/shutting", new FakeVolume(MemoryVolume.all(SIZE), r -> {
            if (count.incrementAndGet() == 2) {
                exports.gate.shut();
            }
            r.complete();
        }));
        RawClient client = server.open("mem/shutting", ReplyMode.SIMPLE);
        sendReads(client, 5);
        expectReplies(client, 2, 0);
        Await.until(() -> exports.gate.waiting() == 1, "the connection waits at the gate");
        assertEquals(2, count.get());
        exports.gate.open();
        expectReplies(client, 3, 0);
        assertEquals(5, count.get());
    }

    @Test
    void whatCompletesMeanwhileIsAnsweredWhileAConnectionWaits() throws IOException {
        start();
        RawClient client = server.open("mem/held", ReplyMode.STRUCTURED);
        sendReads(client, 3);
        holding.awaitHeld(3);
        exports.gate.shut();
        sendReads(client, 2);
        Await.until(() -> exports.gate.waiting() == 1, "the connection waits at the gate");
        holding.releaseAll();
        expectReplies(client, 3, 0);
        exports.gate.open();
        holding.awaitHeld(2);
        holding.releaseAll();
        expectReplies(client, 2, 0);
    }

    @Test
    void aGateThatDoesNotOpenFailsRequestsUntilItDoes() throws IOException {
        start();
        RawClient client = server.open("mem/disk", ReplyMode.STRUCTURED);
        exports.gate.shut();
        sendReads(client, 1);
        Await.until(() -> exports.gate.waiting() == 1, "the connection waits at the gate");
        exports.gate.fail(new StorageException(Errno.EIO, "its handler does not come back"));
        Reply reply = client.reply();
        assertEquals(EIO, reply.error());
        assertEquals("its handler does not come back", reply.text());
        assertEquals(EIO, client.write(0, 0, new byte[4096]).error());
        assertEquals(EIO, client.write(0, 0, new byte[100_000]).error());
        exports.gate.open();
        assertEquals(0, client.write(0, 0, new byte[100_000]).error());
    }

    @Test
    void aWaitingConnectionKeepsNobodyElseFromWorking() throws IOException {
        start();
        RawClient first = server.open("mem/disk", ReplyMode.SIMPLE);
        exports.gate.shut();
        sendReads(first, 1);
        Await.until(() -> exports.gate.waiting() == 1, "the connection waits at the gate");
        assertFalse(RawClient.last(server.connect().hello().ask(Nbd.OPT_LIST)).isError());
        first.close(); // unnoticed while it waits, but not for ever
        exports.gate.open();
        server.closeClients();
        server.awaitNothingLeft();
    }

    @ParameterizedTest
    @EnumSource
    void aGateThatOpensAndShutsLosesNothing(ReplyMode mode) throws Exception {
        start();
        exports.with("mem/shuffled", new ShufflingVolume(new MemoryVolume(SIZE), 2, 1));
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread swapper = new Thread(() -> {
            while (!done.isDone()) {
                exports.gate.shut();
                Thread.onSpinWait();
                exports.gate.open();
                Thread.onSpinWait();
            }
        });
        swapper.start();
        try {
            for (String name : List.of("mem/disk", "mem/shuffled")) {
                RawClient client = server.open(name, mode);
                for (int i = 0; i < 100; i++) {
                    sendReads(client, 50);
                    expectReplies(client, 50, 0);
                }
            }
        } finally {
            done.complete(null);
            swapper.join();
        }
    }

    // Revocation

    @ParameterizedTest
    @EnumSource
    void aRevokedConnectionEndsWithoutAnotherByte(ReplyMode mode) throws IOException {
        start();
        RawClient client = server.open("mem/held", mode);
        sendReads(client, 3);
        holding.awaitHeld(3);
        lastOpened().listener.revoked("it was mapped again");
        lastOpened().listener.revoked("and again");
        client.expectEnd();
        assertNull(lastOpened().closedClean, "what is in flight still uses the export");
        holding.releaseAll();
        server.closeClients();
        server.awaitNothingLeft();
        assertEquals(false, lastOpened().closedClean);
    }

    @Test
    void whatIsDoneButNotSentIsNotSentAfterRevocation() throws IOException {
        start();
        AtomicInteger count = new AtomicInteger();
        exports.with("mem/revoking", new FakeVolume(MemoryVolume.all(SIZE), r -> {
            r.complete();
            if (count.incrementAndGet() == 3) {
                lastOpened().listener.revoked("it was mapped again");
            }
        }));
        RawClient client = server.open("mem/revoking", ReplyMode.SIMPLE);
        sendReads(client, 5);
        client.expectEnd();
    }

    @Test
    void aConnectionIsRevokedBeforeItsFirstRequest() throws IOException {
        start();
        RawClient client = server.connectLegacy().openLegacy("mem/disk");
        lastOpened().listener.revoked("it was mapped again");
        client.expectEnd();
        server.closeClients();
        server.awaitNothingLeft();
    }

    @Test
    void aConnectionIsRevokedWhileItsClientDoesNotRead() throws IOException {
        start();
        RawClient client = server.keep(new RawClient(RawClient.connect(server.newstyle, 4096)))
                .open("mem/disk", ReplyMode.SIMPLE);
        Bytes all = new Bytes();
        for (int i = 0; i < 64; i++) {
            client.put(all, 0, Nbd.CMD_READ, 0, SIZE);
        }
        client.send(all);
        Await.until(() -> lastOpened().completed.get() > 0, "there is an answer that the client does not read");
        lastOpened().listener.revoked("it was mapped again");
        Await.until(() -> lastOpened().closedClean != null, "the export is let go");
        client.drain();
    }

    // Stopping

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStopAnswersWhatIsInFlight(boolean legacy) throws Exception {
        start();
        RawClient client =
                legacy ? server.connectLegacy().openLegacy("mem/held") : server.open("mem/held", ReplyMode.STRUCTURED);
        RawClient idle = server.open("mem/disk", ReplyMode.EXTENDED);
        RawClient greeted = server.connect().hello();
        greeted.ask(Nbd.OPT_LIST);
        sendReads(client, 3);
        Bytes write = new Bytes();
        client.putWrite(write, 0, 4096, new byte[100_000]);
        client.send(write);
        holding.awaitHeld(4);
        CompletableFuture<Void> stopped = CompletableFuture.runAsync(server.server::close);
        idle.expectEnd();
        greeted.expectEnd();
        assertThrows(ConnectException.class, () -> new RawClient(server.newstyle).close());
        assertThrows(TimeoutException.class, () -> stopped.get(1, TimeUnit.MILLISECONDS));
        while (holding.held() > 0) {
            holding.release(holding.held() - 1);
            assertEquals(0, client.reply().error());
        }
        client.expectEnd();
        stopped.get(30, TimeUnit.SECONDS);
        assertEquals(0, server.server.connections());
    }

    @Test
    void aStopDoesNotWaitForEverForAVolume() throws Exception {
        startWithDrainTimeout(Duration.ofMillis(50));
        server.buffersMayBeLost = true;
        RawClient client = server.open("mem/held", ReplyMode.SIMPLE);
        sendReads(client, 3);
        holding.awaitHeld(3);
        CompletableFuture.runAsync(server.server::close).get(30, TimeUnit.SECONDS);
        client.expectEnd();
        assertEquals(0, server.server.connections());
        assertEquals(false, lastOpened().closedClean);
        holding.releaseAll(); // the volume wakes up after all, and may touch what it was lent
    }

    @Test
    void aStopDoesNotWaitForEverAtTheGate() throws Exception {
        startWithDrainTimeout(Duration.ofMillis(50));
        server.buffersMayBeLost = true;
        RawClient client = server.open("mem/disk", ReplyMode.SIMPLE);
        exports.gate.shut();
        sendReads(client, 3);
        Await.until(() -> exports.gate.waiting() == 1, "the connection waits at the gate");
        CompletableFuture.runAsync(server.server::close).get(30, TimeUnit.SECONDS);
        client.expectEnd();
        assertEquals(0, exports.gate.waiting());
        assertEquals(false, lastOpened().closedClean);
    }

    @Test
    void aStopDoesNotWaitForEverForAClientThatDoesNotRead() throws Exception {
        startWithDrainTimeout(Duration.ofMillis(50));
        server.buffersMayBeLost = true;
        exports.with("mem/shuffled", new ShufflingVolume(new MemoryVolume(SIZE), 2, 1));
        for (String name : List.of("mem/disk", "mem/shuffled")) {
            RawClient client = server.keep(new RawClient(RawClient.connect(server.newstyle, 4096)))
                    .open(name, ReplyMode.SIMPLE);
            Bytes all = new Bytes();
            for (int i = 0; i < 32; i++) {
                client.put(all, 0, Nbd.CMD_READ, 0, SIZE);
            }
            client.send(all);
            Await.until(() -> lastOpened().completed.get() > 0, "there is an answer that the client does not read");
        }
        CompletableFuture.runAsync(server.server::close).get(30, TimeUnit.SECONDS);
        assertEquals(0, server.server.connections());
    }

    // Volumes that take too long

    @ParameterizedTest
    @EnumSource
    void anOverdueRequestFailsAndTheConnectionGoesOn(ReplyMode mode) throws IOException {
        start();
        server.buffersMayBeLost = true;
        exports.requestTimeout = Duration.ofMillis(20);
        RawClient client = server.open("mem/held", mode);
        Bytes all = new Bytes();
        client.put(all, 0, Nbd.CMD_READ, 0, 1000);
        client.putWrite(all, 0, 2000, new byte[1000]);
        client.putWrite(all, 0, 50_000, new byte[100_000]);
        client.put(all, 0, Nbd.CMD_FLUSH, 0, 0);
        client.send(all);
        holding.awaitHeld(4);
        for (int i = 0; i < 4; i++) {
            Reply reply = client.reply();
            assertEquals(EIO, reply.error());
            assertEquals(mode != ReplyMode.SIMPLE, reply.text().contains("in time"));
        }
        List<IoRequest> late = new ArrayList<>();
        while (holding.held() > 0) {
            late.add(holding.take(0));
        }
        exports.requestTimeout = Duration.ofSeconds(30);
        holding.stopHolding();
        // What the volume still has it may still touch: nothing of it serves other requests.
        for (int i = 0; i < 50; i++) {
            for (IoRequest request : late) {
                if (request.buffer() != null) {
                    while (request.buffer().hasRemaining()) {
                        if (request.length() == 1000 && request.offset() == 0) {
                            request.buffer().put((byte) 0x55);
                        } else {
                            assertEquals(0, request.buffer().get());
                        }
                    }
                    request.buffer().position(request.buffer().limit() - (int) request.length());
                }
            }
            byte[] data = new byte[1000];
            data[i] = (byte) i;
            assertEquals(0, client.write(0, 3000, data).error());
            assertArrayEquals(data, client.read(3000, 1000).data());
        }
        for (IoRequest request : late) {
            request.complete();
            request.fail(Errno.EIO, "once more");
        }
        assertEquals(0, client.read(0, 1000).error());
        client.disconnect();
        client.expectEnd();
        server.awaitNothingLeft(); // each request was counted once
        assertTrue(lastOpened().closedClean);
    }

    @Test
    void aConnectionWithTooManyOverdueRequestsEnds() throws IOException {
        start(new EngineSettings(10, 64 << 20, 8, Duration.ofSeconds(30), Duration.ofSeconds(30)));
        server.buffersMayBeLost = true;
        exports.requestTimeout = Duration.ofMillis(1);
        RawClient client = server.open("mem/held", ReplyMode.SIMPLE);
        sendReads(client, 6);
        expectReplies(client, 6, EIO);
        assertThrows(AssertionError.class, () -> {
            for (; ; ) {
                sendReads(client, 1);
                expectReplies(client, 1, EIO);
            }
        });
        assertTrue(lastOpened().submitted.get() < 8, () -> "no more than there may be: " + lastOpened().submitted);
        holding.releaseAll();
    }

    @Test
    void aClientWhoseVolumeDoesNotReturnIsToldAndCutOff() throws IOException {
        CountDownLatch returning = new CountDownLatch(1);
        MemoryVolume behind = new MemoryVolume(SIZE);
        exports.with("mem/stuck", new Volume() {
            @Override
            public VolumeInfo info() {
                return behind.info();
            }

            @Override
            public void submit(IoRequest request) {
                try {
                    returning.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                request.complete();
            }

            @Override
            public void close() {}
        });
        start();
        server.buffersMayBeLost = true;
        exports.requestTimeout = Duration.ofMillis(20);
        RawClient stuck = server.open("mem/stuck", ReplyMode.SIMPLE);
        sendReads(stuck, 3);
        List<Integer> errors = new ArrayList<>();
        assertThrows(Throwable.class, () -> {
            for (; ; ) {
                errors.add(stuck.reply().error());
            }
        });
        assertTrue(errors.isEmpty() || errors.equals(List.of(EIO)), errors::toString);
        assertTrue(lastOpened().disconnected, "its mapping does not count it any more");

        exports.requestTimeout = Duration.ofSeconds(30);
        RawClient other = server.open("mem/disk", ReplyMode.SIMPLE);
        assertEquals(0, other.read(0, 1000).error());
        other.disconnect();
        other.expectEnd();
        returning.countDown();
        server.awaitNothingLeft();
    }
}
