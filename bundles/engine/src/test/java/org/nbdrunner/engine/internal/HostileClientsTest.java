package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.tls.TlsCertificates;
import org.nbdrunner.engine.internal.tls.TlsMode;

/**
 * Hostile clients, one after the other. Whatever they try, those who behave do not notice, and nothing is left of it. What was tried and what
 * happened is printed as a table, and written to {@code target/hostile-clients.txt}.
 */
@Timeout(180)
final class HostileClientsTest {
    private static final Path TABLE = Path.of("target", "hostile-clients.txt");

    @TempDir
    static Path directory;

    private static SSLContext context;

    /** As long as nothing has failed, all attacks are on the same ones. */
    private static Attack.Servers servers;

    /** The engine's threads while nobody attacks. */
    private static Set<Thread> idleThreads;

    /** Pairs of what was tried and what happened. */
    private static final List<String[]> ROWS = new ArrayList<>();

    @BeforeAll
    static void makeCertificates() throws IOException, GeneralSecurityException {
        context = new TestCertificates(directory).client(false);
    }

    @BeforeEach
    void start() throws IOException {
        if (servers != null) {
            return;
        }
        TlsCertificates certificates = new TlsCertificates(directory, false);
        TlsPolicy on = new TlsPolicy(TlsMode.ON, certificates::engine);
        TlsPolicy require = new TlsPolicy(TlsMode.REQUIRE, certificates::engine);
        Duration patient = Duration.ofMinutes(2);
        servers = new Attack.Servers(
                new AttackedServer(on, context, patient),
                new AttackedServer(require, context, patient),
                new AttackedServer(on, context, Duration.ofMillis(500)));
        // A witness may be answered by the reader while its connection's writer is still being started.
        Await.until(
                () -> TestServer.threads().stream()
                                .filter(t -> t.getName().endsWith("-writer"))
                                .count()
                        == 3,
                () -> "a writer for each server's shuffled disk, but there are " + TestServer.threads());
        idleThreads = TestServer.threads();
    }

    private static Set<Thread> leftThreads() {
        Set<Thread> left = TestServer.threads();
        left.removeAll(idleThreads);
        return left;
    }

    static Stream<Attack> attacks() {
        return Stream.of(
                        LeavingClients.attacks(),
                        LyingClients.attacks(),
                        GarbageClients.attacks(),
                        SilentClients.attacks(),
                        DeafClients.attacks(),
                        Crowds.attacks())
                .flatMap(List::stream);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void nobodyElseIsHarmed(Attack attack) throws Exception {
        String happened = "FAILED";
        try {
            happened = attack.act().on(servers);
            servers.check();
            Await.until(() -> leftThreads().isEmpty(), () -> "threads are left: " + leftThreads());
        } catch (Exception | AssertionError e) {
            happened = "FAILED: " + e.getMessage();
            servers = null; // what comes next is tried on servers that this has not hit
            throw e;
        } finally {
            ROWS.add(new String[] {attack.what(), happened});
        }
    }

    @AfterAll
    static void tell() throws Exception {
        ROWS.add(0, new String[] {"what was tried", "what happened"});
        int width = ROWS.stream().mapToInt(row -> row[0].length()).max().orElse(0);
        StringBuilder table = new StringBuilder();
        for (String[] row : ROWS) {
            table.append(String.format("%-" + width + "s | %s%n", row[0], row[1]));
        }
        ROWS.clear();
        Files.writeString(TABLE, table);
        System.out.print(table);
        if (servers != null) {
            servers.close();
            servers = null;
        }
    }
}
