package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Handlers that misbehave, one after the other in the same runner, beside one that does not: they harm their own disks only. */
@Timeout(300)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MisbehaviourTest {
    private static final String FAILED = "Input/output error";

    @TempDir
    private static Path directory;

    private static Installation installation;
    private static Installation.Run runner;
    private static Watcher witness;

    @BeforeAll
    static void start() throws Exception {
        installation = new Installation(directory.resolve("home"));
        installation.configure("org.nbdrunner.rpc", "handlerAdministration", true);
        installation.configure("org.nbdrunner.registry", "timeout", 2);
        installation.configure("org.nbdrunner.engine", "drainTimeout", 3);
        runner = installation.run("nbd-runner").awaitServing();
        installation.done("dummy", "create", "witness", "size", "64K");
        witness = watch("dummy/witness");
    }

    @AfterAll
    static void end() throws Exception {
        witness.close();
        installation.close();
    }

    private static Watcher watch(String export) throws Exception {
        return new Watcher("nbd://127.0.0.1:" + installation.port + "/" + export, directory);
    }

    private static void othersAreServed() throws Exception {
        assertEquals("0", witness.read());
        assertTrue(installation.done("handler", "list").contains("dummy"));
        assertTrue(runner.process.isAlive());
    }

    private static void awaitLog(String words) {
        Installation.await("\"" + words + "\" in the log", () -> runner.out().contains(words));
    }

    /** Installs a handler with a disk. */
    private static void install(String name, String point, String statement) throws Exception {
        HandlerJar jar = new HandlerJar("test." + name, "1.0.0", name, 1).at(point, statement);
        installation.done(
                "handler",
                "install",
                jar.make(directory, directory.resolve(name + ".jar")).toString());
        installation.done(name, "create", name + "-disk", "size", "64K");
    }

    private static Watcher open(String name) throws Exception {
        return watch(name + "/" + name + "-disk");
    }

    /** Its disk cannot be read, whatever it does; the others' can meanwhile. */
    private static void fails(String name) throws Exception {
        try (Watcher watcher = open(name)) {
            watcher.ask();
            othersAreServed();
            String answer = watcher.answer();
            assertTrue(answer.contains(FAILED), answer);
            othersAreServed();
        }
    }

    @Test
    @Order(1)
    void throwsFromSubmit() throws Exception {
        install("thrower", "SUBMITTING", "if (true) throw new IllegalStateException(\"no such luck\");");
        fails("thrower");
        awaitLog("no such luck");
    }

    @Test
    @Order(1)
    void throwsAnErrorFromSubmit() throws Exception {
        install("deep", "SUBMITTING", "if (true) throw new StackOverflowError(\"too deep\");");
        fails("deep");
        awaitLog("too deep");
    }

    @Test
    @Order(1)
    void throwsFromOpen() throws Exception {
        install("closed", "OPENING", "if (true) throw new IllegalStateException(\"no such door\");");
        Installation.Result refused = installation
                .runOther(
                        "qemu-io",
                        "-f",
                        "raw",
                        "-r",
                        "-c",
                        "read 0 512",
                        "nbd://127.0.0.1:" + installation.port + "/closed/closed-disk")
                .await();
        assertEquals(1, refused.exit(), refused::toString);
        assertTrue(refused.err().contains("no such door"), refused::toString);
        othersAreServed();
    }

    @Test
    @Order(1)
    void completesTwice() throws Exception {
        install("twice", "SUBMITTING", "if (true) { request.complete(); request.complete(); return; }");
        try (Watcher watcher = open("twice")) {
            watcher.read();
            awaitLog("completed a request twice");
            othersAreServed();
        }
    }

    @Test
    @Order(1)
    void takesTooLong() throws Exception {
        List<String> names = List.of("never", "submits", "leaker");
        install("never", "SUBMITTING", "if (true) return;");
        install("submits", "SUBMITTING", "ConstantHandler.hang();");
        install("leaker", "SUBMITTING", "if (true) { late(() -> disk.submit(request)); return; }");
        List<Watcher> watchers = new ArrayList<>();
        try {
            for (String name : names) {
                watchers.add(open(name));
                watchers.get(watchers.size() - 1).ask();
            }
            othersAreServed();
            for (int i = 0; i < names.size(); i++) {
                String answer = watchers.get(i).answer();
                assertTrue(answer.contains(FAILED), answer);
                awaitLog(names.get(i) + "-disk: its handler has not completed");
            }
        } finally {
            for (Watcher watcher : watchers) {
                watcher.close();
            }
        }
        installation.done("handler", "remove", "leaker", "force");
        othersAreServed();
        awaitLog("leaker/leaker-disk: its handler completed");
        othersAreServed();
    }

    @Test
    @Order(2)
    void hangsInClose() throws Exception {
        install("holder", "CLOSING", "ConstantHandler.hang();");
        try (Watcher watcher = open("holder")) {
            assertEquals("1", watcher.read());
        }
        othersAreServed();
        installation.done("handler", "remove", "holder", "force");
        othersAreServed();
        // Another one comes and goes as if nothing were the matter.
        install("brief", "OPENING", "");
        try (Watcher watcher = open("brief")) {
            assertEquals("1", watcher.read());
        }
        installation.done("handler", "remove", "brief", "force");
        awaitLog("handler holder has not closed the volume");
    }

    @Test
    @Order(3)
    void theContainerStopsAllTheSame() throws Exception {
        othersAreServed();
        install("clinger", "CLOSING", "ConstantHandler.hang();");
        install("sleeper", "STOPPING", "ConstantHandler.hang();");
        try (Watcher watcher = open("clinger")) {
            assertEquals("1", watcher.read());
            Installation.Result result = runner.terminate(); // in bounded time, though some of them do not let go
            assertEquals(1, result.exit(), result::toString);
            assertTrue(
                    result.err().contains("not stopped within 20 s because bundle test.sleeper 1.0.0 does not return"),
                    result::toString);
            String log = installation.log();
            assertTrue(log.contains("clinger-disk: bundle test.clinger 1.0.0 has not closed the volume in time"), log);
            assertTrue(log.contains("bundle test.sleeper 1.0.0 does not return"), log);
        }
    }
}
