package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Clients that fall silent, at every step, and stay. */
final class SilentClients {
    private static final long KIB = 1 << 10;

    private final List<Attack> attacks = new ArrayList<>();

    private SilentClients() {}

    static List<Attack> attacks() {
        SilentClients all = new SilentClients();
        all.handshake();
        all.dribbling();
        all.transmission();
        all.stop();
        return all.attacks;
    }

    private void add(String what, Attack.Act act) {
        attacks.add(new Attack(what, act));
    }

    /** A silent client; what lies below TLS, if it encrypts, or else its only socket. */
    private record Silent(RawClient client, Socket below) {
        Silent(RawClient client) {
            this(client, client.socket());
        }

        void expectEnd() throws IOException {
            try {
                below.getInputStream().readAllBytes();
            } catch (SocketTimeoutException e) {
                throw new AssertionError("the server does not end the connection", e);
            } catch (SocketException e) {
                return; // which is an end, too
            }
        }
    }

    private interface Step {
        Silent reach(AttackedServer server) throws IOException;
    }

    private static Map<String, Step> steps() {
        Map<String, Step> steps = new LinkedHashMap<>();
        steps.put("after connecting, newstyle", s -> new Silent(s.server.connect()));
        steps.put("after connecting, legacy", s -> new Silent(s.server.connectLegacy()));
        steps.put("within a legacy client's length", s -> say(s.server.connectLegacy(), new byte[3]));
        steps.put(
                "within a legacy client's cfgstring",
                s -> say(
                        s.server.connectLegacy(),
                        Arrays.copyOf(RawClient.legacyName("mem/disk").array(), 8)));
        steps.put("within the client flags", s -> say(s.server.connect(), new byte[3]));
        steps.put("after the client flags", s -> new Silent(s.hello()));
        byte[] go = new Bytes().option(Nbd.OPT_GO, RawClient.info("mem/disk")).array();
        steps.put("within an option's header", s -> say(s.hello(), Arrays.copyOf(go, 15)));
        steps.put("within an option's data", s -> say(s.hello(), Arrays.copyOf(go, go.length - 1)));
        steps.put(
                "within the data of an unknown option",
                s -> say(
                        s.hello(),
                        Arrays.copyOf(new Bytes().option(77, new byte[1 << 20]).array(), 1 << 19)));
        steps.put("between two options", s -> {
            RawClient client = s.hello();
            client.headers(ReplyMode.STRUCTURED);
            client.ask(Nbd.OPT_INFO, RawClient.info("mem/disk"));
            return new Silent(client);
        });
        steps.put("after NBD_OPT_STARTTLS", s -> new Silent(startTls(s)));
        steps.put(
                "within TLS's first message", s -> say(startTls(s), Arrays.copyOf(LeavingClients.clientHello(s), 50)));
        steps.put("after TLS's first message", s -> say(startTls(s), LeavingClients.clientHello(s)));
        steps.put("after TLS's handshake", SilentClients::encrypted);
        steps.put("within an option under TLS", s -> {
            Silent silent = encrypted(s);
            silent.client.send(Arrays.copyOf(go, 20));
            return silent;
        });
        steps.put("within a TLS record", s -> {
            Silent silent = encrypted(s);
            silent.below.getOutputStream().write(new byte[] {0x17, 3, 3, 0x40, 0, 1});
            return silent;
        });
        return steps;
    }

    private static Silent say(RawClient client, byte... bytes) throws IOException {
        client.send(bytes);
        return new Silent(client);
    }

    private static RawClient startTls(AttackedServer server) throws IOException {
        RawClient client = server.hello();
        client.acknowledged(Nbd.OPT_STARTTLS);
        return client;
    }

    private static Silent encrypted(AttackedServer server) throws IOException {
        RawClient client = server.hello();
        Socket below = client.socket();
        TestCertificates.encrypt(client, server.tls());
        return new Silent(client, below);
    }

    private void handshake() {
        for (Map.Entry<String, Step> step : steps().entrySet()) {
            add("is silent " + step.getKey(), servers -> {
                List<Silent> all = new ArrayList<>();
                for (int i = 0; i < 5; i++) {
                    all.add(AttackedServer.persistently(() -> step.getValue().reach(servers.hasty())));
                }
                servers.hasty().othersAreServed();
                for (Silent silent : all) {
                    silent.expectEnd();
                }
                return "cut off when its time is over";
            });
        }
    }

    private void dribbling() {
        add("asks and asks, and never comes to an end", servers -> {
            RawClient client = AttackedServer.persistently(servers.hasty()::hello);
            long options = 0;
            try {
                for (; ; options++) {
                    client.ask(Nbd.OPT_INFO, RawClient.info("mem/none"));
                    servers.hasty().othersAreServed();
                }
            } catch (IOException e) {
                assertTrue(!(e instanceof SocketTimeoutException), "the server answers or ends the connection");
            }
            return "cut off when its time is over";
        });
        add("sends a handshake byte by byte, and never comes to an end", servers -> {
            RawClient client = AttackedServer.persistently(servers.hasty()::hello);
            byte[] option = new Bytes().option(77, new byte[1 << 20]).array();
            try {
                for (int i = 0; i < option.length; i++) {
                    client.send(option[i]);
                    servers.hasty().othersAreServed();
                }
                throw new AssertionError("the server takes it all");
            } catch (IOException e) {
                assertTrue(!(e instanceof SocketTimeoutException), "the server ends the connection");
            }
            return "cut off when its time is over";
        });
    }

    private void transmission() {
        for (int part : new int[] {1, 27, 28, 28 + 1000, 28 + 4095}) {
            add("is silent behind byte " + part + " of a write of 4 KiB, then goes on", servers -> {
                long most = 0;
                for (String disk : AttackedServer.WITNESSED) {
                    most = Math.max(most, silentWrite(servers.plain(), disk, 4096, part));
                }
                assertTrue(most <= 64 * KIB, "memory of " + most);
                return "it may, and holds " + most / KIB + " KiB meanwhile";
            });
        }
        add("is silent in the midst of a write of 4 MiB, then goes on", servers -> {
            long most = silentWrite(servers.plain(), "mem/disk", 4 << 20, 2 << 20);
            assertTrue(most <= 5120 * KIB, "memory of " + most);
            return "it may, and holds " + most / KIB + " KiB meanwhile";
        });
        add("is silent within a TLS record of a write, then goes away", servers -> {
            RawClient client = servers.secure().hello();
            Socket below = client.socket();
            TestCertificates.encrypt(client, servers.secure().tls());
            client.go("mem/disk", ReplyMode.SIMPLE);
            Bytes all = new Bytes();
            client.putWrite(all, 0, AttackedServer.TARGET, new byte[4096]);
            client.send(Arrays.copyOf(all.array(), 100));
            below.getOutputStream().write(new byte[] {0x17, 3, 3, 0x40, 0, 1});
            servers.secure().othersAreServed();
            below.close();
            return "the server lets go of it";
        });
    }

    /** A write with silence in its midst; bytes of buffers that it takes meanwhile. */
    private static long silentWrite(AttackedServer server, String disk, int length, int part) throws IOException {
        byte[] payload = new byte[length];
        Arrays.fill(payload, (byte) 0xee);
        RawClient client = server.open(disk, ReplyMode.SIMPLE);
        Bytes all = new Bytes();
        client.putWrite(all, 0, AttackedServer.TARGET, payload);
        client.send(Arrays.copyOf(all.array(), part));
        for (int i = 0; i < 20; i++) {
            server.othersAreServed();
        }
        server.nothingIsWritten();
        long taken = server.taken();
        client.send(Arrays.copyOfRange(all.array(), part, all.size()));
        assertEquals(0, client.reply().error());
        Bytes zeroes = new Bytes();
        client.put(zeroes, 0, Nbd.CMD_WRITE_ZEROES, AttackedServer.TARGET, length);
        client.send(zeroes);
        assertEquals(0, client.reply().error());
        client.disconnect();
        client.expectEnd();
        return taken;
    }

    private void stop() {
        add("is silent, at every step, while the server stops", servers -> {
            try (AttackedServer stopping = servers.plain().another()) {
                List<Silent> all = new ArrayList<>();
                for (Step step : steps().values()) {
                    all.add(step.reach(stopping));
                }
                for (int part : new int[] {0, 1, 28, 1000}) {
                    RawClient client = stopping.open("mem/disk", ReplyMode.SIMPLE);
                    Bytes write = new Bytes();
                    client.putWrite(write, 0, AttackedServer.TARGET, new byte[100_000]);
                    all.add(say(client, Arrays.copyOf(write.array(), part)));
                }
                stopping.server.server.close();
                assertEquals(0, stopping.server.server.connections(), "connections that are left");
                for (Silent silent : all) {
                    silent.expectEnd();
                }
            }
            return "cut off, the server stops at once";
        });
    }
}
