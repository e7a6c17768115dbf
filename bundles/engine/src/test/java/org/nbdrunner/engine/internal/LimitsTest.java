package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** The engine's limits hold, and cost nobody more than waiting. */
@Timeout(60)
final class LimitsTest {
    private static final int SIZE = 8 << 20;
    private static final long KIB = 1 << 10;

    private final HoldingVolume holding = new HoldingVolume(new MemoryVolume(SIZE));
    private final TestExports exports = new TestExports()
            .with("mem/held", holding)
            .with("mem/inline", new MemoryVolume(SIZE))
            .with("mem/shuffled", new ShufflingVolume(new MemoryVolume(SIZE), 2, 5));
    private TestServer server;

    private void start(int maxConnections, long connectionMemory, int maxRequests) throws IOException {
        server = new TestServer(
                exports,
                new EngineSettings(
                        maxConnections, connectionMemory, maxRequests, Duration.ofSeconds(30), Duration.ofSeconds(30)));
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        for (Volume volume : exports.volumes.values()) {
            volume.close();
        }
    }

    private static void sendReads(RawClient client, int count, int length) throws IOException {
        Bytes all = new Bytes();
        for (int i = 0; i < count; i++) {
            client.put(all, 0, Nbd.CMD_READ, i, length);
        }
        client.send(all);
    }

    private static void expectReplies(RawClient client, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            assertEquals(0, client.reply().error());
        }
    }

    @Test
    void noMoreRequestsAreInFlightThanAllowed() throws IOException {
        start(10, 64 << 20, 4);
        RawClient client = server.open("mem/held", ReplyMode.SIMPLE);
        sendReads(client, 20, 1);
        for (int i = 0; i < 20; i++) {
            holding.awaitHeld(Math.min(4, 20 - i));
            assertTrue(holding.held() <= 4, () -> holding.held() + " in flight");
            holding.release(holding.held() - 1);
            assertEquals(0, client.reply().error());
        }
    }

    @Test
    void noMorePayloadIsInFlightThanAllowed() throws IOException {
        start(10, 1 << 20, 1024);
        RawClient client = server.open("mem/held", ReplyMode.SIMPLE);
        Thread writer = new Thread(() -> {
            try {
                Bytes all = new Bytes();
                for (int i = 0; i < 5; i++) {
                    client.put(all, 0, Nbd.CMD_READ, i, 400_000);
                    client.putWrite(all, 0, i, new byte[400_000]);
                }
                client.send(all);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        writer.start();
        for (int i = 0; i < 10; i++) {
            holding.awaitHeld(Math.min(2, 10 - i));
            assertTrue(holding.held() <= 2, () -> holding.held() + " in flight");
            holding.release(0);
            assertEquals(0, client.reply().error());
        }
    }

    @Test
    void aRequestLargerThanTheMemoryIsServedAlone() throws IOException {
        start(10, 1 << 20, 1024);
        for (String name : List.of("mem/inline", "mem/shuffled")) {
            RawClient client = server.open(name, ReplyMode.SIMPLE);
            sendReads(client, 3, 5 << 20);
            expectReplies(client, 3);
            assertEquals(0, client.write(0, 0, new byte[5 << 20]).error());
        }
    }

    @Test
    void furtherConnectionsAreTurnedAwayUntilOneEnds() throws IOException {
        start(3, 64 << 20, 1024);
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            clients.add(server.open("mem/inline", ReplyMode.SIMPLE));
        }
        for (int i = 0; i < 20; i++) {
            server.connect().expectEnd();
        }
        for (RawClient client : clients) {
            assertEquals(0, client.read(0, 512).error());
        }
        clients.get(0).disconnect();
        clients.get(0).expectEnd();
        Await.until(() -> server.server.connections() == 2, "the connection ends");
        assertEquals(0, server.open("mem/inline", ReplyMode.SIMPLE).read(0, 512).error());
    }

    @Test
    void anIdleConnectionHoldsLittleMemory() throws IOException {
        start(10, 64 << 20, 1024);
        for (String name : List.of("mem/inline", "mem/shuffled")) {
            RawClient client = server.open(name, ReplyMode.SIMPLE);
            assertTrue(server.server.pool().outstanding() <= 32 * KIB, "a new connection");
            for (int i = 0; i < 40; i++) {
                sendReads(client, 4, 500_000);
                expectReplies(client, 4);
                assertEquals(0, client.write(0, 0, new byte[500_000]).error());
                assertEquals(0, client.write(0, 0, new byte[4096]).error());
            }
            Await.until(
                    () -> server.server.pool().outstanding() <= ChunkPool.SMALL,
                    () -> name + " holds " + server.server.pool().outstanding() / KIB + " KiB");
            client.disconnect();
            client.expectEnd();
            Await.until(() -> server.server.connections() == 0, "the connection ends");
        }
    }
}
