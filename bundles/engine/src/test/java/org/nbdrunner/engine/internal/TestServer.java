package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.nbdrunner.engine.internal.handshake.LegacyHandshake;
import org.nbdrunner.engine.internal.handshake.NewstyleHandshake;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** A server on free ports, its clients, and the certainty that nothing of them is left when it ends. */
final class TestServer implements AutoCloseable {
    final TestExports exports;
    final NbdServer server;
    final SocketAddress newstyle;
    final SocketAddress legacy;

    /** Guarded by itself. */
    private final List<RawClient> clients = new ArrayList<>();

    /** Whether buffers may stay with a volume that does not complete its requests. */
    boolean buffersMayBeLost;

    TestServer(TestExports exports, EngineSettings settings, TlsPolicy tls) throws IOException {
        this.exports = exports;
        server = new NbdServer(settings);
        newstyle = server.listen(loopback(), () -> new NewstyleHandshake(exports, tls));
        legacy = server.listen(loopback(), () -> new LegacyHandshake(exports));
    }

    TestServer(TestExports exports, EngineSettings settings) throws IOException {
        this(exports, settings, TlsPolicy.OFF);
    }

    TestServer(TestExports exports) throws IOException {
        this(exports, EngineSettings.DEFAULT);
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    /** The engine's threads, of all servers. */
    static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().startsWith("nbd-"))
                .collect(Collectors.toCollection(HashSet::new));
    }

    RawClient connect() throws IOException {
        return keep(new RawClient(newstyle));
    }

    RawClient connectLegacy() throws IOException {
        return keep(new RawClient(legacy));
    }

    RawClient open(String export, ReplyMode mode) throws IOException {
        return connect().open(export, mode);
    }

    RawClient keep(RawClient client) {
        synchronized (clients) {
            clients.add(client);
        }
        return client;
    }

    /** Waits until the connections end whose clients have left, and checks that each has given back every buffer. */
    void awaitNothingLeft() {
        Await.until(() -> server.connections() == 0, () -> server.connections() + " connections do not end");
        if (server.pool().outstanding() != 0 && !buffersMayBeLost) {
            throw new AssertionError(server.pool().outstanding() + " bytes of buffers were not given back");
        }
        for (TestExports.Open open : exports.opened) {
            if (open.closedClean == null) {
                throw new AssertionError("an export was not closed: " + open.name());
            }
            // A volume may still be at what a connection left behind that did not wait for it.
            Await.until(
                    () -> open.submitted.get() == open.completed.get(),
                    () -> open.name() + " took " + open.submitted + " requests and was told of " + open.completed
                            + " completed ones");
        }
    }

    void awaitConnections(int count) {
        Await.until(
                () -> server.connections() == count, () -> server.connections() + " connections instead of " + count);
    }

    void closeClients() throws IOException {
        closeClients(c -> true);
    }

    /** Ends a client. */
    void close(RawClient client) throws IOException {
        client.close();
        synchronized (clients) {
            clients.remove(client);
        }
    }

    /** Ends some of the clients. */
    void closeClients(Predicate<RawClient> which) throws IOException {
        synchronized (clients) {
            for (RawClient client : clients) {
                if (which.test(client)) {
                    client.close();
                }
            }
            clients.removeIf(which);
        }
    }

    /** Ends the clients, checks that nothing is left of them, and ends the server. */
    @Override
    public void close() throws IOException {
        try {
            closeClients();
            awaitNothingLeft();
        } finally {
            server.close();
        }
    }
}
