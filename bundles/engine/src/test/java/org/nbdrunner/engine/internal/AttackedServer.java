package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.tls.TlsMode;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** A server that hostile clients attack, with clients that were there before them and behave. */
final class AttackedServer implements AutoCloseable {
    static final int SIZE = 8 << 20;

    /** Where attackers may write on a disk. */
    static final int TARGET = SIZE / 2;

    /** Payload that one connection may have in flight. */
    static final int MEMORY = 4 << 20;

    /** The disks that witnesses work on: one answers at once, one later. */
    static final List<String> WITNESSED = List.of("mem/disk", "mem/shuffled");

    final HoldingVolume holding = new HoldingVolume(new MemoryVolume(SIZE));
    final TestExports exports = new TestExports();
    final TestServer server;

    private final TlsPolicy policy;
    private final SSLContext tls;
    private final List<Witness> witnesses = new ArrayList<>();
    private final Set<TestExports.Open> witnessed = new HashSet<>();
    private final long idleMemory;

    AttackedServer(TlsPolicy policy, SSLContext tls, Duration handshakeTimeout) throws IOException {
        this.policy = policy;
        this.tls = tls;
        MemoryVolume memory = new MemoryVolume(SIZE);
        exports.with("mem/disk", new MemoryVolume(SIZE))
                .with("mem/shuffled", new ShufflingVolume(new MemoryVolume(SIZE), 2, 3))
                .with("mem/held", holding)
                .with("mem/fragments", new Fragments(memory))
                .with("mem/shuffled-fragments", new ShufflingVolume(new Fragments(memory), 2, 4))
                .with("mem/plain", new FakeVolume(VolumeInfo.builder(SIZE).build(), memory::submit))
                .with(
                        "mem/zeroing",
                        new FakeVolume(
                                VolumeInfo.builder(SIZE)
                                        .with(Capability.WRITE_ZEROES)
                                        .build(),
                                memory::submit))
                .with(
                        "mem/ro",
                        new FakeVolume(memory.info().toBuilder().readOnly(true).build(), memory::submit));
        server = new TestServer(
                exports, new EngineSettings(4096, MEMORY, 1024, handshakeTimeout, Duration.ofSeconds(30)), policy);
        boolean requiresTls = policy.mode() == TlsMode.REQUIRE;
        for (String name : WITNESSED) {
            witnesses.add(new Witness(persistently(() ->
                    requiresTls ? encrypted().go(name, ReplyMode.STRUCTURED) : server.open(name, ReplyMode.EXTENDED))));
        }
        server.awaitConnections(witnesses.size());
        for (Witness witness : witnesses) {
            witness.work();
        }
        for (TestExports.Open open : exports.opened) {
            if (open.closedClean == null) {
                witnessed.add(open);
            }
        }
        assertEquals(witnesses.size(), witnessed.size());
        idleMemory = (long) witnesses.size() * ChunkPool.SMALL;
        Await.until(this::isIdle, this::memory);
    }

    /** Something that a slow machine may not manage in the time that a server grants. */
    interface Attempt<T> {
        T make() throws IOException;
    }

    /** Tries until it is done; fails as the last attempt did. */
    static <T> T persistently(Attempt<T> attempt) throws IOException {
        for (int i = 0; ; i++) {
            try {
                return attempt.make();
            } catch (IOException | AssertionError e) {
                if (i == 20) {
                    throw e;
                }
            }
        }
    }

    /** Whether those who behave have all the buffers that are lent, and no more than they need while they wait. */
    private boolean isIdle() {
        server.server.look(); // need not be waited for
        return server.server.pool().outstanding() == idleMemory;
    }

    private String memory() {
        return server.server.pool().outstanding() + " bytes of buffers instead of " + idleMemory;
    }

    /** Another server like this, which may be stopped. */
    AttackedServer another() throws IOException {
        return new AttackedServer(policy, tls, Duration.ofMinutes(2));
    }

    /** A client that has greeted. */
    RawClient hello() throws IOException {
        return server.connect().hello();
    }

    /** A client on a disk. */
    RawClient open(String name, ReplyMode mode) throws IOException {
        return server.open(name, mode);
    }

    /** A client that has agreed on TLS. */
    RawClient encrypted() throws IOException {
        RawClient client = hello();
        TestCertificates.encrypt(client, tls);
        return client;
    }

    SSLContext tls() {
        return tls;
    }

    /** Those who behave are served, whatever an attacker is doing just now. */
    void othersAreServed() throws IOException {
        for (Witness witness : witnesses) {
            witness.work();
        }
    }

    /** The export that was opened last. */
    TestExports.Open lastOpened() {
        return exports.opened.get(exports.opened.size() - 1);
    }

    /** Bytes of buffers that are lent to others than those who behave; may be a little negative. */
    long taken() {
        return server.server.pool().outstanding() - idleMemory;
    }

    /** Nothing was written where attackers may write. */
    void nothingIsWritten() throws IOException {
        for (Witness witness : witnesses) {
            for (int i = 0; i < 8; i++) {
                Reply reply = witness.client().read(TARGET + i * 512, 512);
                assertEquals(0, reply.error());
                assertArrayEquals(new byte[512], reply.data(), "what is on the disk");
            }
        }
    }

    /** Waits until the server has ended the connections of all but those who behave. */
    void awaitOthersGone() {
        server.awaitConnections(witnesses.size());
    }

    /** Checks that those who behave are served, and that of all the others nothing is left: no connection, buffer or export. */
    void check() throws IOException {
        server.closeClients(c -> witnesses.stream().noneMatch(w -> w.client() == c));
        othersAreServed();
        awaitOthersGone();
        await(this::isIdle, this::memory);
        List<TestExports.Open> opened = new ArrayList<>(exports.opened);
        opened.removeAll(witnessed);
        for (TestExports.Open open : opened) {
            Await.until(
                    () -> open.closedClean != null && open.submitted.get() == open.completed.get(),
                    () -> open.name() + " is not let go, with " + open.submitted + " requests of which "
                            + open.completed + " are said to be complete");
        }
        exports.opened.removeAll(opened);
    }

    /** Waits for something that those who behave may have to work for a little. */
    private void await(Attempted condition, Supplier<String> what) throws IOException {
        for (int i = 0; i < 40 && !condition.holds(); i++) {
            othersAreServed();
        }
        Await.until(condition::holds, what);
    }

    private interface Attempted {
        boolean holds();
    }

    @Override
    public void close() throws IOException {
        try {
            server.close();
        } finally {
            for (String name : exports.names()) {
                exports.volumes.get(name).close();
            }
        }
    }

    /** Tears a socket down though another one lies over it. */
    static void reset(Socket socket) throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    /** A disk on which no two bytes are of the same kind. */
    private record Fragments(Volume behind) implements Volume {
        @Override
        public VolumeInfo info() {
            return behind.info();
        }

        @Override
        public void submit(IoRequest request) {
            if (request.command() != Command.BLOCK_STATUS) {
                behind.submit(request);
                return;
            }
            long i = 0;
            while (i < request.length() && request.extent(1, i % 2 == 0, false)) {
                i++;
            }
            request.complete();
        }

        @Override
        public void close() {}
    }
}
