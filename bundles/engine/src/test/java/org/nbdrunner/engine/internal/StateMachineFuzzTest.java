package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * Clients walk through the states of the protocol at random, several at once, beside others that behave. The same seed walks the same ways:
 * {@code -Dfuzz.seed=N}, and {@code -Dfuzz.messages=N} for shorter or longer ones.
 */
@Timeout(600)
final class StateMachineFuzzTest {
    private static final long SEED = Long.getLong("fuzz.seed", 20_261_126);
    private static final long MESSAGES = Long.getLong("fuzz.messages", 1_000_000);
    private static final int CLIENTS = 4;
    private static final int SIZE = 1 << 20;
    private static final int SCRATCH = SIZE / 2;

    @Test
    void everyMessageLeadsWhereItMust() throws Exception {
        MemoryVolume plain = new MemoryVolume(SIZE);
        VolumeInfo all = MemoryVolume.all(SIZE);
        ShufflingVolume later = new ShufflingVolume(new MemoryVolume(SIZE), 2, SEED);
        TestExports volumes = new TestExports()
                .with("mem/now", new MemoryVolume(SIZE))
                .with("mem/later", later)
                .with(
                        "mem/4k",
                        new MemoryVolume(all.toBuilder().minimumBlock(4096).build(), 0))
                .with("mem/ro", new MemoryVolume(all.toBuilder().readOnly(true).build(), 0))
                .with("mem/plain", new FakeVolume(VolumeInfo.builder(SIZE).build(), plain::submit));
        List<FuzzedExport> exports = volumes.names().stream()
                .map(n -> new FuzzedExport(n, volumes.volumes.get(n).info()))
                .toList();
        Set<Thread> before = TestServer.threads();
        EngineSettings settings = new EngineSettings(64, 4 << 20, 256, Duration.ofMinutes(5), Duration.ofSeconds(30));
        ExecutorService pool = Executors.newFixedThreadPool(CLIENTS + 1);
        try (TestServer server = new TestServer(volumes, settings, TlsPolicy.OFF)) {
            AtomicBoolean over = new AtomicBoolean();
            Future<?> witnesses = pool.submit(() -> {
                behave(server, over);
                return null;
            });
            List<Future<Long>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int number = i;
                clients.add(pool.submit(() -> walk(server, exports, number)));
            }
            long messages = 0;
            try {
                for (Future<Long> client : clients) {
                    messages += client.get();
                }
            } finally {
                over.set(true);
            }
            witnesses.get();
            System.out.println(messages + " messages, seed " + SEED);
        } finally {
            pool.shutdownNow();
            later.close();
        }
        Await.until(() -> before.containsAll(TestServer.threads()), () -> "threads are left: " + TestServer.threads());
    }

    private static long walk(TestServer server, List<FuzzedExport> exports, int number) throws IOException {
        int region = Witness.REGION + number * FuzzClient.REGION;
        FuzzClient client = new FuzzClient(server, exports, region, SCRATCH, new Random(SEED + number));
        try {
            while (client.messages() < MESSAGES / CLIENTS) {
                client.session();
            }
        } catch (AssertionError | IOException e) {
            throw new AssertionError("after " + client.messages() + " messages with seed " + SEED, e);
        }
        return client.messages();
    }

    private static void behave(TestServer server, AtomicBoolean over) throws IOException {
        Witness now = new Witness(server.open("mem/now", ReplyMode.SIMPLE));
        Witness later = new Witness(server.open("mem/later", ReplyMode.EXTENDED));
        while (!over.get()) {
            now.work();
            later.work();
        }
        server.close(now.client());
        server.close(later.client());
        assertEquals(0, now.client().inFlight());
    }
}
