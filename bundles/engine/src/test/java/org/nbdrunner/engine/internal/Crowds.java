package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Many clients at once, and clients that want much of the handshake. */
final class Crowds {
    private static final int MANY = 1000;
    private static final int PATIENT = 10_000;
    private static final int THREADS = 4;
    private static final long KIB = 1 << 10;

    private final List<Attack> attacks = new ArrayList<>();

    private Crowds() {}

    static List<Attack> attacks() {
        Crowds all = new Crowds();
        all.comeAndGo();
        all.stay();
        all.options();
        return all.attacks;
    }

    private void add(String what, Attack.Act act) {
        attacks.add(new Attack(what, act));
    }

    private interface Visit {
        void make(int number) throws IOException;
    }

    /** Makes many visits, several at a time. */
    private static void visits(Visit visit) throws IOException, InterruptedException {
        ExecutorService executor = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int first = t;
                all.add(executor.submit(() -> {
                    for (int i = first; i < MANY; i += THREADS) {
                        visit.make(i);
                    }
                    return null;
                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
        } catch (ExecutionException e) {
            throw new IOException(e);
        } finally {
            executor.shutdownNow();
        }
    }

    private static void leave(RawClient client, int number) throws IOException {
        if (number % 2 == 0) {
            client.close();
        } else {
            client.reset();
        }
    }

    private void comeAndGo() {
        add("connects and leaves at once, " + MANY + " times, newstyle and legacy", servers -> {
            visits(i -> leave(
                    i % 4 < 2
                            ? servers.plain().server.connect()
                            : servers.plain().server.connectLegacy(),
                    i));
            return "the server lets go of all";
        });
        add("connects, chooses an export and leaves, " + MANY + " times", servers -> {
            visits(i -> {
                RawClient client = servers.plain().open("mem/shuffled", ReplyMode.SIMPLE);
                Bytes read = new Bytes();
                client.put(read, 0, Nbd.CMD_READ, 0, 4096);
                client.send(read);
                leave(client, i);
            });
            return "the server lets go of all";
        });
    }

    private void stay() {
        add("connects and stays, in the handshake, " + MANY + " times, then leaves", servers -> {
            visits(i -> servers.plain().hello());
            return crowd(servers.plain());
        });
        add("connects, reads and stays, " + MANY + " times, then leaves", servers -> {
            visits(i -> {
                RawClient client = servers.plain().open("mem/shuffled", ReplyMode.EXTENDED);
                assertEquals(0, client.read(0, 4096).error());
            });
            return crowd(servers.plain());
        });
    }

    private static String crowd(AttackedServer server) throws IOException {
        server.server.awaitConnections(MANY + AttackedServer.WITNESSED.size());
        server.othersAreServed();
        Await.until(() -> server.taken() <= MANY * 64 * KIB, () -> "they hold " + server.taken() + " bytes");
        return "all are served, each holds " + server.taken() / KIB / MANY + " KiB";
    }

    private void options() {
        add("sends " + PATIENT + " options, then chooses an export", servers -> {
            RawClient client = servers.plain().hello();
            for (int sent = 0; sent < PATIENT; sent += 100) {
                Bytes options = new Bytes();
                for (int i = 0; i < 100; i++) {
                    options.option(Nbd.OPT_INFO, RawClient.info("mem/disk"));
                }
                client.send(options);
                for (int i = 0; i < 100; i++) {
                    client.answers(Nbd.OPT_INFO);
                }
            }
            client.go("mem/disk", ReplyMode.SIMPLE);
            assertEquals(0, client.read(0, 512).error());
            return "it may: listings of thousands of exports need that";
        });
        add("floods with options, which are all answered", servers -> {
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                for (int option : new int[] {Nbd.OPT_LIST, Nbd.OPT_INFO, Nbd.OPT_STRUCTURED_REPLY, 77}) {
                    RawClient client = server.hello();
                    Bytes options = new Bytes();
                    for (int i = 0; i < 100; i++) {
                        options.option(option);
                    }
                    DeafClients.Flood flood = new DeafClients.Flood(client, options);
                    client.drain();
                    flood.awaitEnd();
                }
            }
            return "cut off";
        });
    }
}
