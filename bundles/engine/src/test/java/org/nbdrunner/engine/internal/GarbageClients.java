package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Clients that speak something else, or nonsense, at any point. */
final class GarbageClients {
    private static final int ROUNDS = 10;
    private static final byte[] HTTP =
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Random random = new Random(20260714);
    private final List<Attack> attacks = new ArrayList<>();

    private GarbageClients() {}

    static List<Attack> attacks() {
        GarbageClients all = new GarbageClients();
        all.otherProtocols();
        all.handshake();
        all.transmission();
        all.tls();
        return all.attacks;
    }

    private void add(String what, Attack.Act act) {
        attacks.add(new Attack(what, act));
    }

    private byte[] garbage(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] garbage() {
        return garbage(1 + random.nextInt(random.nextInt(10) == 0 ? 100_000 : 200));
    }

    /** Sends what the server may refuse to take to the end. */
    private static void send(RawClient client, byte... bytes) throws IOException {
        try {
            client.send(bytes);
        } catch (SocketException e) {
            return; // cut off meanwhile, which the caller checks
        }
    }

    private static void expectEnd(RawClient client, byte... said) throws IOException {
        send(client, said);
        client.expectEnd();
    }

    private static void expectEnd(RawClient client, Bytes said) throws IOException {
        expectEnd(client, said.array());
    }

    private void otherProtocols() {
        add("speaks HTTP to the newstyle port", servers -> {
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                RawClient client = server.server.connect();
                client.greeting();
                expectEnd(client, HTTP);
            }
            return "cut off";
        });
        add("speaks HTTP to the legacy port", servers -> {
            RawClient client = servers.plain().server.connectLegacy();
            send(client, HTTP);
            client.drain();
            return "refused, then cut off";
        });
        add("begins TLS at once, without NBD_OPT_STARTTLS", servers -> {
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                RawClient client = server.server.connect();
                client.greeting();
                expectEnd(client, LeavingClients.clientHello(server));
            }
            RawClient legacy = servers.plain().server.connectLegacy();
            send(legacy, LeavingClients.clientHello(servers.plain()));
            legacy.drain();
            return "cut off";
        });
        add("speaks newstyle to the legacy port, and legacy to the newstyle port", servers -> {
            RawClient legacy = servers.plain().server.connectLegacy();
            send(legacy, new Bytes().u32(RawClient.FIXED).option(Nbd.OPT_LIST).array());
            legacy.drain();
            RawClient newstyle = servers.plain().server.connect();
            newstyle.greeting();
            expectEnd(newstyle, RawClient.legacyName("mem/disk"));
            return "cut off";
        });
        add("sends requests without a handshake", servers -> {
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                RawClient client = server.server.connect();
                client.greeting();
                expectEnd(client, new Bytes().request(0, Nbd.CMD_READ, 1, 0, 512));
                expectEnd(
                        server.hello(),
                        new Bytes().request(0, Nbd.CMD_WRITE, 1, 0, 512).raw(new byte[512]));
            }
            servers.plain().nothingIsWritten();
            return "cut off";
        });
    }

    private void handshake() {
        add("sends garbage instead of client flags", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                RawClient client = servers.plain().server.connect();
                client.greeting();
                expectEnd(client, new Bytes().u8(0xff).raw(garbage()).raw(new byte[3]));
            }
            return "cut off, " + ROUNDS + " times";
        });
        add("sends garbage instead of an option", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                expectEnd(servers.plain().hello(), new Bytes().raw(garbage()).raw(new byte[16]));
                expectEnd(servers.secure().hello(), new Bytes().raw(garbage()).raw(new byte[16]));
            }
            return "cut off, " + 2 * ROUNDS + " times";
        });
        add("sends garbage as the data of each option", servers -> {
            int answers = 0;
            for (int option : new int[] {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 77}) {
                for (int i = 0; i < ROUNDS; i++) {
                    RawClient client = servers.plain().hello();
                    client.headers(i % 2 == 0 ? ReplyMode.SIMPLE : ReplyMode.STRUCTURED);
                    Answer last = RawClient.last(client.ask(option, garbage()));
                    if (option == Nbd.OPT_ABORT) {
                        assertEquals(Nbd.REP_ACK, last.type());
                        client.expectEnd();
                    } else {
                        assertEquals(true, last.isError(), last::toString);
                        client.acknowledged(Nbd.OPT_LIST);
                    }
                    answers++;
                }
            }
            for (int i = 0; i < ROUNDS; i++) {
                expectEnd(servers.plain().hello(), new Bytes().option(Nbd.OPT_EXPORT_NAME, garbage()));
            }
            return "an error to each of " + answers + ", in use afterwards; cut off for NBD_OPT_EXPORT_NAME";
        });
        add("sends garbage to the legacy port", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                RawClient client = servers.plain().server.connectLegacy();
                send(client, new Bytes().raw(garbage()).raw(new byte[1030]).array());
                client.drain();
            }
            return "refused, then cut off, " + ROUNDS + " times";
        });
    }

    private void transmission() {
        add("sends garbage instead of a request", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = servers.plain().open(AttackedServer.WITNESSED.get(i % 2), mode);
                    assertEquals(0, client.read(0, 100).error());
                    expectEnd(client, new Bytes().u8(0xff).raw(garbage()).raw(new byte[32]));
                }
            }
            return "cut off, " + 3 * ROUNDS + " times";
        });
        add("sends compact requests where extended ones were agreed on, and the reverse", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/disk", mode);
                expectEnd(
                        client,
                        mode == ReplyMode.EXTENDED
                                ? new Bytes()
                                        .request(0, Nbd.CMD_READ, 1, 0, 512)
                                        .u32(0)
                                : new Bytes().extendedRequest(0, Nbd.CMD_READ, 1, 0, 512));
            }
            return "cut off";
        });
        add("sends requests of garbage behind the right magic", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = servers.plain().open(AttackedServer.WITNESSED.get(i % 2), mode);
                    int rest = mode == ReplyMode.EXTENDED ? 28 : 24;
                    int magic = mode == ReplyMode.EXTENDED ? Nbd.EXTENDED_REQUEST_MAGIC : Nbd.REQUEST_MAGIC;
                    Bytes all = new Bytes();
                    for (int k = 0; k < 50; k++) {
                        byte[] request = garbage(rest);
                        request[2] = 0;
                        request[3] = (byte) random.nextInt(9); // a command that is known, or nearly so
                        all.u32(magic).raw(request);
                    }
                    send(client, all.array());
                    client.stopWriting();
                    client.drain();
                }
            }
            return "errors, until a payload is none: cut off, " + 3 * ROUNDS + " times";
        });
    }

    private void tls() {
        add("speaks plainly to the port that requires TLS", servers -> {
            RawClient client = servers.secure().hello();
            for (int option : new int[] {3, 6, 7, 8, 9, 10, 11, 77}) {
                Answer last = RawClient.last(client.ask(option, RawClient.info("mem/disk")));
                assertEquals(Nbd.REP_ERR_TLS_REQD, last.type());
            }
            expectEnd(
                    client,
                    new Bytes()
                            .option(
                                    Nbd.OPT_EXPORT_NAME,
                                    new Bytes().text("mem/disk").array()));
            return "NBD_REP_ERR_TLS_REQD; cut off for NBD_OPT_EXPORT_NAME";
        });
        add("goes on in plain text behind NBD_OPT_STARTTLS", servers -> {
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                expectEnd(server.hello(), new Bytes().option(Nbd.OPT_STARTTLS).option(Nbd.OPT_LIST));
                RawClient later = server.hello();
                later.acknowledged(Nbd.OPT_STARTTLS);
                send(later, new Bytes().option(Nbd.OPT_LIST).array());
                later.drain();
            }
            return "cut off";
        });
        add("sends garbage instead of TLS's first message", servers -> {
            for (int i = 0; i < ROUNDS; i++) {
                RawClient client = servers.secure().hello();
                client.acknowledged(Nbd.OPT_STARTTLS);
                send(
                        client,
                        new Bytes().u8(0xff).raw(garbage()).raw(new byte[5]).array());
                client.drain();
            }
            return "cut off, " + ROUNDS + " times";
        });
        add("sends garbage within TLS's first message", servers -> {
            byte[] hello = LeavingClients.clientHello(servers.secure());
            for (int i = 0; i < ROUNDS; i++) {
                RawClient client = servers.secure().hello();
                client.acknowledged(Nbd.OPT_STARTTLS);
                byte[] broken = hello.clone();
                for (int k = 0; k < 10; k++) {
                    broken[9 + random.nextInt(broken.length - 9)] = (byte) random.nextInt();
                }
                send(client, broken);
                client.stopWriting();
                client.drain();
            }
            return "cut off, " + ROUNDS + " times";
        });
        add("sends plain text, garbage and too long records in the midst of TLS", servers -> {
            byte[][] said = {
                HTTP,
                new Bytes()
                        .request(0, Nbd.CMD_WRITE, 1, 0, 16)
                        .raw(new byte[16])
                        .array(),
                garbage(3000),
                {
                    0x17, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                    23, 24, 25, 26, 27, 28, 29, 30, 31, 32
                },
                {0x17, 3, 3, -1, -1, 0, 0},
                {0x16, 3, 3, 0, 4, 0, 0, 0, 0},
                {0x15, 3, 3, 0, 2, 2, 10}
            };
            for (boolean agreed : new boolean[] {false, true}) {
                for (byte[] bytes : said) {
                    RawClient client = servers.secure().hello();
                    Socket below = client.socket();
                    TestCertificates.encrypt(client, servers.secure().tls());
                    if (agreed) {
                        client.go("mem/shuffled", ReplyMode.SIMPLE);
                        assertEquals(0, client.read(0, 512).error());
                    }
                    sayPlainly(below, bytes);
                }
            }
            return "cut off";
        });
    }

    /** Says something below TLS, and waits for the end, with an alert before it, perhaps. */
    private static void sayPlainly(Socket below, byte... said) throws IOException {
        try {
            below.getOutputStream().write(said);
            below.shutdownOutput();
            below.getInputStream().readAllBytes();
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server does not end the connection", e);
        } catch (SocketException e) {
            return; // which is an end, too
        }
    }
}
