package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLEngine;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Clients that leave where one does not leave. */
final class LeavingClients {
    private static final String GONE = "the server lets go of it";

    /** How a client leaves. */
    private enum Way {
        CLOSE("closes"),
        RESET("resets"),
        HALF("sends no more");

        private final String text;

        Way(String text) {
            this.text = text;
        }

        /** Leaves; bytes that the server says afterwards, if there is a way to hear them. */
        long leave(RawClient client) throws IOException {
            switch (this) {
                case CLOSE -> client.close();
                case RESET -> client.reset();
                case HALF -> {
                    client.stopWriting();
                    return client.drain();
                }
            }
            return 0;
        }
    }

    private final List<Attack> attacks = new ArrayList<>();

    private LeavingClients() {}

    static List<Attack> attacks() {
        LeavingClients all = new LeavingClients();
        for (Way way : Way.values()) {
            all.handshake(way);
            all.headers(way);
            all.payloads(way);
            all.queues(way);
        }
        all.replies();
        all.tls();
        return all.attacks;
    }

    private void add(Way way, String where, Attack.Act act) {
        attacks.add(new Attack(way.text + " " + where, act));
    }

    private void handshake(Way way) {
        add(way, "at each byte of the handshake, newstyle", servers -> {
            byte[] all = new Bytes()
                    .u32(RawClient.FIXED)
                    .option(Nbd.OPT_STRUCTURED_REPLY)
                    .option(Nbd.OPT_GO, RawClient.info("mem/disk", Nbd.INFO_BLOCK_SIZE))
                    .array();
            for (int n = 0; n <= all.length; n++) {
                RawClient client = servers.plain().server.connect();
                client.send(Arrays.copyOf(all, n));
                way.leave(client);
            }
            return GONE + ", " + (all.length + 1) + " times";
        });
        add(way, "at each byte of the handshake, legacy", servers -> {
            byte[] all = RawClient.legacyName("mem/shuffled").array();
            for (int n = 0; n <= all.length; n++) {
                RawClient client = servers.plain().server.connectLegacy();
                client.send(Arrays.copyOf(all, n));
                way.leave(client);
            }
            return GONE + ", " + (all.length + 1) + " times";
        });
    }

    private void headers(Way way) {
        add(way, "within a request's header", servers -> {
            int clients = 0;
            for (ReplyMode mode : ReplyMode.values()) {
                int header = mode == ReplyMode.EXTENDED ? 32 : 28;
                for (int n : new int[] {1, 4, 8, 16, 20, header - 1}) {
                    RawClient client = servers.plain().open("mem/disk", mode);
                    Bytes request = new Bytes();
                    client.put(request, 0, Nbd.CMD_TRIM, AttackedServer.TARGET, 512);
                    client.send(Arrays.copyOf(request.array(), n));
                    way.leave(client);
                    clients++;
                }
            }
            return GONE + ", " + clients + " times";
        });
    }

    private void payloads(Way way) {
        for (int length : new int[] {4096, 1 << 20, 4 << 20}) {
            String size = length < 1 << 20 ? length / 1024 + " KiB" : (length >> 20) + " MiB";
            add(way, "within a write's payload of " + size, servers -> {
                byte[] payload = new byte[length];
                Arrays.fill(payload, (byte) 0xee);
                for (String disk : AttackedServer.WITNESSED) {
                    for (int part : new int[] {0, 1, length / 2, length - 1}) {
                        RawClient client = servers.plain().open(disk, ReplyMode.SIMPLE);
                        Bytes all = new Bytes();
                        client.putWrite(all, 0, AttackedServer.TARGET, payload);
                        client.send(Arrays.copyOf(all.array(), 28 + part));
                        assertEquals(0, way.leave(client), "bytes of replies");
                    }
                }
                servers.plain().nothingIsWritten();
                return GONE + ", nothing of it is written";
            });
        }
    }

    private void queues(Way way) {
        add(way, "with 100 writes queued, in the midst of one more", servers -> {
            for (String disk : AttackedServer.WITNESSED) {
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = servers.plain().open(disk, mode);
                    Bytes all = new Bytes();
                    for (int i = 0; i < 101; i++) {
                        client.putWrite(all, 0, Witness.REGION + i * 4096, new byte[4096]);
                    }
                    client.send(Arrays.copyOf(all.array(), all.size() - 2000));
                    long said = way.leave(client);
                    assertTrue(way != Way.HALF || said == 100L * (mode == ReplyMode.EXTENDED ? 32 : 16), "replies");
                }
            }
            return way == Way.HALF ? "100 are answered, then " + GONE : GONE;
        });
        add(way, "while the volume has 50 of its reads", servers -> {
            HoldingVolume holding = servers.plain().holding;
            RawClient client = servers.plain().open("mem/held", ReplyMode.SIMPLE);
            TestExports.Open open = servers.plain().lastOpened();
            Bytes all = new Bytes();
            for (int i = 0; i < 50; i++) {
                client.put(all, 0, Nbd.CMD_READ, i, 512);
            }
            client.send(all);
            holding.awaitHeld(50);
            if (way == Way.HALF) {
                client.stopWriting();
            } else {
                way.leave(client);
            }
            Await.until(() -> open.disconnected, "the server notices");
            servers.plain().othersAreServed();
            holding.releaseAll();
            if (way == Way.HALF) {
                assertEquals(50 * (16 + 512), client.drain());
                return "50 are answered when they are done, then " + GONE;
            }
            return GONE + " when they are done";
        });
    }

    /** Those who leave while replies are on their way to them. */
    private void replies() {
        for (Way way : new Way[] {Way.CLOSE, Way.RESET}) {
            add(way, "with 64 MiB of replies on their way", servers -> {
                for (String disk : AttackedServer.WITNESSED) {
                    for (ReplyMode mode : ReplyMode.values()) {
                        RawClient client = servers.plain().open(disk, mode);
                        Bytes all = new Bytes();
                        for (int i = 0; i < 64; i++) {
                            client.put(all, 0, Nbd.CMD_READ, i, 1 << 20);
                        }
                        client.send(all);
                        client.read(1000);
                        way.leave(client);
                    }
                }
                return GONE;
            });
            add(way, "after a goodbye, with the replies to 50 reads on their way", servers -> {
                for (String disk : AttackedServer.WITNESSED) {
                    RawClient client = servers.plain().open(disk, ReplyMode.STRUCTURED);
                    Bytes all = new Bytes();
                    for (int i = 0; i < 50; i++) {
                        client.put(all, 0, Nbd.CMD_READ, i, 100_000);
                    }
                    client.send(all.request(0, Nbd.CMD_DISC, 0, 0, 0));
                    way.leave(client);
                }
                return GONE;
            });
        }
    }

    /** The first message of a TLS client. */
    static byte[] clientHello(AttackedServer server) throws IOException {
        SSLEngine engine = server.tls().createSSLEngine("localhost", 10809);
        engine.setUseClientMode(true);
        ByteBuffer out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), out);
        return Arrays.copyOf(out.array(), out.position());
    }

    private void tls() {
        for (Way way : Way.values()) {
            add(way, "within or behind TLS's first message", servers -> {
                byte[] hello = clientHello(servers.secure());
                for (int n : new int[] {0, 1, 5, hello.length / 2, hello.length - 1, hello.length}) {
                    RawClient client = servers.secure().hello();
                    client.acknowledged(Nbd.OPT_STARTTLS);
                    client.send(Arrays.copyOf(hello, n));
                    way.leave(client);
                }
                return GONE;
            });
        }
        attacks.add(new Attack("resets within a TLS record, with 100 writes queued", servers -> {
            for (String disk : AttackedServer.WITNESSED) {
                RawClient client = servers.secure().hello();
                Socket below = client.socket();
                TestCertificates.encrypt(client, servers.secure().tls());
                client.go(disk, ReplyMode.SIMPLE);
                Bytes all = new Bytes();
                for (int i = 0; i < 100; i++) {
                    client.putWrite(all, 0, Witness.REGION, new byte[4096]);
                }
                client.send(all);
                below.getOutputStream().write(new byte[] {0x17, 3, 3, 0x40, 0, 1, 2, 3});
                AttackedServer.reset(below);
            }
            return GONE;
        }));
        attacks.add(new Attack("closes without TLS's goodbye, with 16 MiB of replies on their way", servers -> {
            for (String disk : AttackedServer.WITNESSED) {
                RawClient client = servers.secure().hello();
                Socket below = client.socket();
                TestCertificates.encrypt(client, servers.secure().tls());
                client.go(disk, ReplyMode.EXTENDED);
                Bytes all = new Bytes();
                for (int i = 0; i < 16; i++) {
                    client.put(all, 0, Nbd.CMD_READ, 0, 1 << 20);
                }
                client.send(all);
                client.read(1000);
                below.close();
            }
            return GONE;
        }));
    }
}
