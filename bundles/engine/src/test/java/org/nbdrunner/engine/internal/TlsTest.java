package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.nbdrunner.engine.internal.TestCertificates.encrypt;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.tls.TlsCertificates;
import org.nbdrunner.engine.internal.tls.TlsMode;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** NBD_OPT_STARTTLS, and the transmission phase over TLS. */
@Timeout(120)
final class TlsTest {
    private static final int SIZE = 4 << 20;

    @TempDir
    static Path directory;

    private static TestCertificates certificates;

    private final TestExports exports = new TestExports()
            .with("mem/disk", new MemoryVolume(SIZE))
            .with("mem/shuffled", new ShufflingVolume(new MemoryVolume(SIZE), 2, 9));
    private TestServer server;

    @BeforeAll
    static void makeCertificates() throws IOException, GeneralSecurityException {
        certificates = new TestCertificates(directory);
    }

    private void start(TlsMode mode, boolean verifyPeer) throws IOException {
        server = new TestServer(
                exports,
                new EngineSettings(20, 64 << 20, 1024, Duration.ofSeconds(20), Duration.ofSeconds(20)),
                new TlsPolicy(mode, new TlsCertificates(directory, verifyPeer)::engine));
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private RawClient encrypted(String... protocols) throws IOException, GeneralSecurityException {
        RawClient client = server.connect().hello();
        encrypt(client, certificates.client(false), protocols);
        return client;
    }

    private static void refused(int type, List<Answer> answers) {
        assertEquals(1, answers.size(), answers::toString);
        assertEquals(type, answers.get(0).type(), answers::toString);
    }

    private static void go(RawClient client, String name, ReplyMode mode) throws IOException {
        client.headers(mode);
        client.acknowledged(Nbd.OPT_GO, RawClient.info(name));
    }

    // Options

    @Test
    void whatWasNegotiatedBeforeTlsIsForgotten() throws IOException, GeneralSecurityException {
        start(TlsMode.ON, false);
        for (int headers : new int[] {Nbd.OPT_STRUCTURED_REPLY, Nbd.OPT_EXTENDED_HEADERS}) {
            RawClient client = server.connect().hello();
            client.acknowledged(headers);
            client.acknowledged(Nbd.OPT_SET_META_CONTEXT, RawClient.contexts("mem/disk", Nbd.BASE_ALLOCATION));
            encrypt(client, certificates.client(false));
            refused(
                    Nbd.REP_ERR_INVALID,
                    client.ask(Nbd.OPT_SET_META_CONTEXT, RawClient.contexts("mem/disk", Nbd.BASE_ALLOCATION)));
            client.acknowledged(headers); // not "already"
            client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        }
        RawClient client = server.connect().hello();
        client.acknowledged(Nbd.OPT_STRUCTURED_REPLY);
        client.acknowledged(Nbd.OPT_SET_META_CONTEXT, RawClient.contexts("mem/disk", Nbd.BASE_ALLOCATION));
        encrypt(client, certificates.client(false));
        go(client, "mem/disk", ReplyMode.STRUCTURED);
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 4096).error());
    }

    @Test
    void tlsBeginsOnce() throws IOException, GeneralSecurityException {
        for (TlsMode mode : new TlsMode[] {TlsMode.ON, TlsMode.REQUIRE}) {
            start(mode, false);
            RawClient client = server.connect().hello();
            refused(Nbd.REP_ERR_INVALID, client.ask(Nbd.OPT_STARTTLS, new byte[1]));
            encrypt(client, certificates.client(false));
            refused(Nbd.REP_ERR_INVALID, client.ask(Nbd.OPT_STARTTLS));
            go(client, "mem/disk", ReplyMode.SIMPLE);
            assertEquals(0, client.read(0, 4096).error());
            server.close();
        }
    }

    @Test
    void nothingIsToldBeforeTlsWhereItIsRequired() throws IOException, GeneralSecurityException {
        start(TlsMode.REQUIRE, false);
        RawClient client = server.connect().hello();
        for (int option : new int[] {
            Nbd.OPT_LIST,
            Nbd.OPT_INFO,
            Nbd.OPT_GO,
            Nbd.OPT_STRUCTURED_REPLY,
            Nbd.OPT_LIST_META_CONTEXT,
            Nbd.OPT_SET_META_CONTEXT,
            Nbd.OPT_EXTENDED_HEADERS,
            77
        }) {
            for (int length : new int[] {0, 10, 20_000}) {
                refused(Nbd.REP_ERR_TLS_REQD, client.ask(option, new byte[length]));
            }
        }
        RawClient named = server.connect().hello();
        named.send(new Bytes()
                .option(Nbd.OPT_EXPORT_NAME, new Bytes().text("mem/disk").array()));
        named.expectEnd();
        RawClient leaving = server.connect().hello();
        leaving.acknowledged(Nbd.OPT_ABORT);
        leaving.expectEnd();
        // Once there is TLS, nobody is told to begin with it.
        encrypt(client, certificates.client(false));
        assertEquals(3, client.ask(Nbd.OPT_LIST).size());
        refused(Nbd.REP_ERR_UNSUP, client.ask(77));
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(Nbd.OPT_GO, RawClient.info("mem/none")));
        go(client, "mem/disk", ReplyMode.EXTENDED);
        assertEquals(0, client.read(0, 4096).error());
    }

    @Test
    void tlsIsAsTheClientLikesWhereItIsOn() throws IOException, GeneralSecurityException {
        start(TlsMode.ON, false);
        assertEquals(0, server.open("mem/disk", ReplyMode.STRUCTURED).read(0, 1).error());
        RawClient client = encrypted();
        go(client, "mem/disk", ReplyMode.STRUCTURED);
        assertEquals(0, client.read(0, 1).error());
    }

    @Test
    void plainTextBehindStartTlsIsNotTakenForEncrypted() throws IOException {
        start(TlsMode.ON, false);
        RawClient client = server.connect().hello();
        client.send(new Bytes().option(Nbd.OPT_STARTTLS).option(Nbd.OPT_LIST));
        client.expectEnd();
    }

    @Test
    void whoDoesNotSpeakTlsIsCutOff() throws IOException {
        start(TlsMode.ON, false);
        byte[] garbage = new byte[2000];
        new Random(1).nextBytes(garbage);
        for (byte[] said : new byte[][] {
            garbage, new byte[100], new Bytes().option(Nbd.OPT_LIST).array(), {0x16, 3, 1, 0x7f, (byte) 0xff}
        }) {
            RawClient client = server.connect().hello();
            client.acknowledged(Nbd.OPT_STARTTLS);
            client.send(said);
            client.stopWriting();
            client.drain(); // an alert, perhaps
        }
    }

    @Test
    void versionsThatAreTooOldAreOff() throws IOException {
        start(TlsMode.ON, false);
        assertEquals(
                List.of("TLSv1.3", "TLSv1.2"),
                Arrays.asList(new TlsCertificates(directory, false).engine().getEnabledProtocols()));
    }

    // Certificates

    @Test
    void aClientShowsItsCertificateWhereThatIsWanted() throws IOException, GeneralSecurityException {
        start(TlsMode.REQUIRE, true);
        for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
            RawClient nobody = server.connect().hello();
            assertThrows(IOException.class, () -> {
                encrypt(nobody, certificates.client(false), protocol);
                nobody.ask(Nbd.OPT_LIST);
            });
            RawClient known = server.connect().hello();
            encrypt(known, certificates.client(true), protocol);
            go(known, "mem/disk", ReplyMode.SIMPLE);
            assertEquals(0, known.read(0, 512).error());
        }
    }

    @Test
    void changedCertificatesAreUsedWithoutRestartAndBrokenOnesAreNot(@TempDir Path changing)
            throws IOException, GeneralSecurityException {
        TestCertificates first = new TestCertificates(changing);
        server = new TestServer(
                exports,
                EngineSettings.DEFAULT,
                new TlsPolicy(TlsMode.ON, new TlsCertificates(changing, false)::engine));
        RawClient before = server.connect().hello();
        encrypt(before, first.client(false));
        go(before, "mem/disk", ReplyMode.SIMPLE);
        TestCertificates second = new TestCertificates(changing);
        RawClient after = server.connect().hello();
        encrypt(after, second.client(false));
        RawClient old = server.connect().hello();
        assertThrows(SSLException.class, () -> encrypt(old, first.client(false)));
        Files.writeString(changing.resolve("server-cert.pem"), "no certificate");
        RawClient later = server.connect().hello();
        encrypt(later, second.client(false));
        assertEquals(0, before.read(0, 512).error());
    }

    // Transmission

    @ParameterizedTest
    @CsvSource({
        "TLSv1.2, mem/disk, SIMPLE",
        "TLSv1.3, mem/disk, STRUCTURED",
        "TLSv1.2, mem/shuffled, EXTENDED",
        "TLSv1.3, mem/shuffled, SIMPLE"
    })
    void dataOfAllSizesPass(String protocol, String name, ReplyMode mode) throws Exception {
        start(TlsMode.REQUIRE, false);
        RawClient client = encrypted(protocol);
        go(client, name, mode);
        Random random = new Random(5);
        byte[] model = new byte[SIZE];
        for (int edge : new int[] {1, 512, 8192, 1 << 14, 1 << 15, 1 << 18, 1 << 20}) {
            for (int around : new int[] {-29, -16, 0, 17}) {
                int length = Math.max(1, edge + around);
                byte[] data = new byte[length];
                random.nextBytes(data);
                int offset = random.nextInt(SIZE - length);
                assertEquals(0, client.write(0, offset, data).error());
                System.arraycopy(data, 0, model, offset, length);
                assertArrayEquals(data, client.read(offset, length).data());
            }
        }
        for (int round = 0; round < 20; round++) {
            Bytes all = new Bytes();
            Map<Long, byte[]> expected = new HashMap<>();
            for (int i = 0; i < 100; i++) {
                int length = 1 + random.nextInt(random.nextInt(10) == 0 ? 10_000 : 600);
                int offset = random.nextInt(SIZE - length);
                expected.put(
                        client.put(all, 0, Nbd.CMD_READ, offset, length),
                        Arrays.copyOfRange(model, offset, offset + length));
            }
            client.send(all);
            for (int i = 0; i < 100; i++) {
                Reply reply = client.reply();
                assertArrayEquals(expected.get(reply.cookie()), reply.data());
            }
        }
        client.disconnect();
        client.expectEnd();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aClientThatIsGoneIsNoticed(String protocol) throws Exception {
        start(TlsMode.REQUIRE, false);
        RawClient client = server.connect().hello();
        Socket plain = client.socket();
        encrypt(client, certificates.client(false), protocol);
        go(client, "mem/disk", ReplyMode.SIMPLE);
        assertEquals(0, client.read(0, 512).error());
        plain.setSoLinger(true, 0);
        plain.close(); // without TLS's goodbye
        server.awaitNothingLeft();
        assertEquals(false, exports.opened.get(0).closedClean);
    }

    @Test
    void keysMayBeRenewed() throws Exception {
        start(TlsMode.REQUIRE, false);
        for (String name : List.of("mem/disk", "mem/shuffled")) {
            RawClient client = server.connect().hello();
            SSLSocket socket = encrypt(client, certificates.client(false), "TLSv1.3");
            go(client, name, ReplyMode.SIMPLE);
            for (int i = 0; i < 20; i++) {
                socket.startHandshake(); // asks for new keys of both sides
                assertEquals(0, client.read(0, 100_000).error());
                assertEquals(0, client.write(0, 0, new byte[100_000]).error());
            }
        }
    }

    @Test
    void whoBeginsAnotherHandshakeIsCutOff() throws Exception {
        start(TlsMode.ON, false);
        HoldingVolume holding = new HoldingVolume(new MemoryVolume(SIZE));
        exports.with("mem/held", holding);
        RawClient client = server.connect().hello();
        SSLSocket socket = encrypt(client, certificates.client(false), "TLSv1.2");
        go(client, "mem/held", ReplyMode.SIMPLE);
        Bytes read = new Bytes();
        client.put(read, 0, Nbd.CMD_READ, 0, 4096);
        client.send(read);
        holding.awaitHeld(1);
        socket.startHandshake(); // says that it wants to, and leaves it at that
        Await.until(() -> exports.opened.get(0).disconnected, "the connection is over");
        holding.releaseAll(); // a reply in the midst of it
        server.awaitConnections(0);
    }
}
