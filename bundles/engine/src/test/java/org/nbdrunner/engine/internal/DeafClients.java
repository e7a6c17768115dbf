package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Clients that ask for more and more, and never read what they are told. */
final class DeafClients {
    private static final long MIB = 1 << 20;

    /** Chunks are powers of two, so they may have twice what is counted; and what is among the headers. */
    private static final long MOST = 2 * AttackedServer.MEMORY + 4 * ChunkPool.LARGE;

    /** Polls without any progress after which a server counts as stuck; too few would only make the test milder. */
    private static final int STUCK = 200;

    private final List<Attack> attacks = new ArrayList<>();

    private DeafClients() {}

    static List<Attack> attacks() {
        DeafClients all = new DeafClients();
        all.transmission("reads 1 MiB, again and again,", Nbd.CMD_READ, 1 << 20);
        all.transmission("reads 512 bytes, again and again,", Nbd.CMD_READ, 512);
        all.transmission("zeroes, again and again,", Nbd.CMD_WRITE_ZEROES, 512);
        all.transmission("asks for extents, again and again,", Nbd.CMD_BLOCK_STATUS, 4 << 20);
        all.transmission("sends unknown commands, again and again,", 0x1234, 512);
        all.handshake();
        return all.attacks;
    }

    private static long directMemory() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    /** Sends the same again and again, until the connection ends; reads nothing. */
    static final class Flood implements Runnable {
        private final RawClient client;
        private final byte[] bytes;
        private final AtomicLong sent = new AtomicLong();
        private final Thread thread = new Thread(this, "flood");

        Flood(RawClient client, Bytes message) {
            this.client = client;
            bytes = message.array();
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        public void run() {
            try {
                for (; ; ) {
                    client.send(bytes);
                    sent.incrementAndGet();
                }
            } catch (IOException e) {
                return; // the connection has ended
            }
        }

        /** Waits until the server takes no more. */
        void awaitStuck() {
            long[] last = {-1};
            int[] same = {0};
            Await.until(
                    () -> {
                        long now = sent.get();
                        same[0] = now == last[0] ? same[0] + 1 : 0;
                        last[0] = now;
                        return same[0] >= STUCK;
                    },
                    () -> "the server goes on and on with what nobody reads, " + sent + " times by now");
        }

        /** Waits until the connection ends. */
        void awaitEnd() {
            Await.until(() -> !thread.isAlive(), "the server ends the connection");
        }
    }

    private static RawClient deaf(AttackedServer server) throws IOException {
        return server.server.keep(new RawClient(RawClient.connect(server.server.newstyle, 4096)));
    }

    private void transmission(String what, int type, int length) {
        attacks.add(new Attack(what + " and never reads", servers -> {
            long most = 0;
            for (String disk : List.of("mem/fragments", "mem/shuffled-fragments")) {
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = deaf(servers.plain()).open(disk, mode);
                    most = Math.max(most, transmission(servers.plain(), client, type, length));
                }
            }
            RawClient encrypted = deaf(servers.secure()).hello();
            TestCertificates.encrypt(encrypted, servers.secure().tls());
            most = Math.max(
                    most,
                    transmission(
                            servers.secure(), encrypted.go("mem/shuffled-fragments", ReplyMode.SIMPLE), type, length));
            return "the server stops listening to it; it holds " + (most + MIB - 1) / MIB + " MiB at most";
        }));
    }

    private static long transmission(AttackedServer server, RawClient client, int type, int length) throws IOException {
        long before = directMemory();
        Bytes requests = new Bytes();
        for (int i = 0; i < 100; i++) {
            client.put(requests, 0, type, AttackedServer.TARGET, length);
        }
        Flood flood = new Flood(client, requests);
        flood.awaitStuck();
        server.othersAreServed();
        long pooled = server.taken();
        assertTrue(pooled <= MOST, () -> pooled + " bytes of buffers are lent");
        Await.until(
                () -> directMemory() - before <= MOST + 8 * MIB,
                () -> directMemory() - before + " bytes of direct memory are used");
        client.reset();
        flood.awaitEnd();
        server.awaitOthersGone();
        return pooled;
    }

    private void handshake() {
        for (int option : new int[] {Nbd.OPT_LIST, Nbd.OPT_INFO, 77}) {
            attacks.add(new Attack("floods with option " + option + " and never reads", servers -> {
                for (boolean encrypted : new boolean[] {false, true}) {
                    RawClient client = AttackedServer.persistently(() -> {
                        RawClient c = deaf(servers.hasty()).hello();
                        if (encrypted) {
                            TestCertificates.encrypt(c, servers.hasty().tls());
                        }
                        return c;
                    });
                    Bytes options = new Bytes();
                    for (int i = 0; i < 100; i++) {
                        options.option(
                                option, option == Nbd.OPT_INFO ? RawClient.info("mem/disk", 1, 2, 3) : new byte[0]);
                    }
                    new Flood(client, options).awaitEnd();
                }
                return "cut off";
            }));
        }
    }
}
