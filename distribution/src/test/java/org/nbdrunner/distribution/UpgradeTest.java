package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Handlers that are installed, upgraded and removed by command, while a client has a disk of theirs open. */
class UpgradeTest {
    private static final HandlerJar FIRST = new HandlerJar("test.constant", "1.0.0", "constant", 1);
    private static final HandlerJar SECOND = new HandlerJar("test.constant", "1.1.0", "constant", 2);

    @TempDir
    private Path directory;

    private Installation installation;
    private Installation.Run runner;

    @BeforeEach
    void start() throws Exception {
        installation = new Installation(directory.resolve("home"));
        installation.configure("org.nbdrunner.rpc", "handlerAdministration", true);
        installation.configure("org.nbdrunner.deployer", "startTimeout", 4);
        installation.configure("org.nbdrunner.deployer", "stopTimeout", 8);
        runner = installation.run("nbd-runner").awaitServing();
    }

    @AfterEach
    void end() {
        installation.close();
    }

    private Path jar(HandlerJar handler) throws Exception {
        return handler.make(directory, directory.resolve("handler.jar"));
    }

    private Watcher install() throws Exception {
        assertEquals(
                "constant 1.0.0\n",
                installation.done("handler", "install", jar(FIRST).toString()));
        installation.done("constant", "create", "disk", "size", "64K");
        Watcher watcher = new Watcher("nbd://127.0.0.1:" + installation.port + "/constant/disk", directory);
        assertEquals("1", watcher.read());
        return watcher;
    }

    /** The line of the listing that tells of the handler. */
    private String listed() {
        return line("constant");
    }

    private String version(String handler) {
        String[] columns = line(handler).split(" +", -1);
        return columns.length < 2 ? "" : columns[1];
    }

    private String line(String handler) {
        try {
            return installation
                    .done("handler", "list")
                    .lines()
                    .filter(line -> line.startsWith(handler))
                    .findFirst()
                    .orElse("");
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anUpgradeServesTheClientsThatAreThereAndHoldsAfterARestart() throws Exception {
        try (Watcher watcher = install()) {
            assertEquals(
                    "constant 1.1.0\n",
                    installation.done("handler", "upgrade", jar(SECOND).toString()));
            assertEquals("2", watcher.read());
            assertTrue(listed().contains(" 1.1.0 ") && listed().endsWith("upgraded from 1.0.0"), listed());
        }
        assertEquals(0, runner.terminate().exit());
        runner = installation.run("nbd-runner").awaitServing();
        Installation.await("the handler after a restart", () -> listed().contains(" 1.1.0 "));
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void whatCannotReopenIsRolledBack() throws Exception {
        try (Watcher watcher = install()) {
            String reason = installation.refused(
                    "handler", "upgrade", jar(SECOND.size(4096)).toString());
            assertTrue(reason.contains("4096 bytes"), reason);
            assertEquals("1", watcher.read());
            assertTrue(listed().contains(" 1.0.0 "), listed());
            assertTrue(listed().contains("test.constant 1.1.0 rolled back to 1.0.0: "), listed());

            reason = installation.refused(
                    "handler",
                    "upgrade",
                    jar(SECOND.opening("if (true) throw new IOException(\"no such rack\");"))
                            .toString());
            assertTrue(reason.contains("no such rack"), reason);
            assertEquals("1", watcher.read());

            assertEquals(
                    "constant 1.1.0\n",
                    installation.done("handler", "upgrade", jar(SECOND).toString()));
            assertEquals("2", watcher.read());
            assertTrue(listed().endsWith("upgraded from 1.0.0"), listed());
        }
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void whatDoesNotStartIsRolledBack() throws Exception {
        try (Watcher watcher = install()) {
            String failing = jar(SECOND.starting("if (true) throw new IOException(\"no such library\");"))
                    .toString();
            String reason = installation.refused("handler", "upgrade", failing);
            assertTrue(reason.contains("no such library"), reason);
            assertEquals("1", watcher.read());
        }
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void whatHangsAtItsStartIsRolledBack() throws Exception {
        try (Watcher watcher = install()) {
            String hanging = jar(SECOND.starting("new java.util.concurrent.CountDownLatch(1).await();"))
                    .toString();
            String reason = installation.refused("handler", "upgrade", hanging);
            assertTrue(reason.contains("within 4 s"), reason);
            assertEquals("1", watcher.read());
        }
    }

    @Test
    void whatHangsWhenItOpensIsRolledBack() throws Exception {
        try (Watcher watcher = install()) {
            String hanging = jar(SECOND.opening(
                            "try { new java.util.concurrent.CountDownLatch(1).await(); } catch (InterruptedException e) {}"))
                    .toString();
            String reason = installation.refused("handler", "upgrade", hanging);
            assertTrue(reason.contains("it has not opened disk within 4 s"), reason);
            assertEquals("1", watcher.read());
        }
    }

    @Test
    void aFileThatIsDroppedOverTheOldOneIsRolledBackToo() throws Exception {
        try (Watcher watcher = install()) {
            Path deployed = installation.home.resolve("deploy/test.constant.jar");
            SECOND.size(4096).make(directory, deployed);
            awaitRejected(deployed);
            assertEquals("1", watcher.read());
            anotherFileComes();
            assertEquals(1, rollbacks("test.constant 1.0.0"));
            SECOND.make(directory, deployed);
            Installation.await("the repaired one", () -> {
                try {
                    return "2".equals(watcher.read());
                } catch (java.io.IOException e) {
                    throw new AssertionError(e);
                }
            });
        }
        assertEquals(0, runner.terminate().exit());
    }

    private static void awaitRejected(Path deployed) {
        Installation.await(
                "the rollback", () -> Files.exists(deployed.resolveSibling(deployed.getFileName() + ".rejected")));
    }

    /** File Install looks at all there is when something changes. */
    private void anotherFileComes() throws Exception {
        new HandlerJar("test.other", "1.0.0", "other", 1)
                .make(directory, installation.home.resolve("deploy/other.jar"));
        Installation.await("the other file's handler", () -> version("other").equals("1.0.0"));
    }

    private long rollbacks(String to) {
        return installation
                .log()
                .lines()
                .filter(line -> line.contains("going back to " + to))
                .count();
    }

    @Test
    void whatWasRolledBackServesAfterARestartToo() throws Exception {
        try (Watcher watcher = install()) {
            Path deployed = installation.home.resolve("deploy/test.constant.jar");
            SECOND.starting("if (true) throw new IOException(\"no such library\");")
                    .make(directory, deployed);
            awaitRejected(deployed);
            assertEquals("1", watcher.read());
        }
        assertEquals(0, runner.terminate().exit());
        runner = installation.run("nbd-runner").awaitServing();
        Installation.await("the handler after a restart", () -> listed().contains(" 1.0.0 "));
        assertEquals(1, rollbacks("test.constant 1.0.0"));
    }

    @Test
    void aFileThatGivesWayToTheShippedHandlerIsNotTriedAgain() throws Exception {
        installation.done("file", "create", "disk", "size", "64K");
        String shipped = version("file");
        Path deployed = installation.home.resolve("deploy/newer.jar");
        try (Watcher watcher = new Watcher("nbd://127.0.0.1:" + installation.port + "/file/disk", directory)) {
            assertEquals("0", watcher.read());
            new HandlerJar("test.file", "99", "file", 3).size(4096).make(directory, deployed);
            awaitRejected(deployed);
            assertEquals("0", watcher.read());
            assertTrue(line("file").contains("test.file 99.0.0 rolled back to "), line("file"));
            anotherFileComes();
            assertEquals("0", watcher.read());
        }
        assertFalse(Files.exists(deployed));
        assertEquals(shipped, version("file"));
        assertEquals(1, rollbacks("org.nbdrunner.handler.file"));
    }

    @Test
    void whatHappenedBeforeARemovalIsNotListedAfterIt() throws Exception {
        try (Watcher watcher = install()) {
            installation.refused("handler", "upgrade", jar(SECOND.size(4096)).toString());
            assertEquals("1", watcher.read());
        }
        assertTrue(listed().contains(" rolled back to 1.0.0: "), listed());
        Files.delete(installation.home.resolve("deploy/test.constant.jar"));
        Installation.await("the removal", () -> listed().endsWith(" removed"));
        installation.done("handler", "install", jar(FIRST).toString());
        assertTrue(listed().endsWith(" -"), listed());
    }

    @Test
    void versionsOfTheApiThatDoNotGoTogetherAreRefusedBeforehand() throws Exception {
        try (Watcher watcher = install()) {
            String reason = installation.refused(
                    "handler", "upgrade", jar(SECOND.api("[2.0,3)")).toString());
            assertTrue(
                    reason.startsWith("nbd-cli: it wants version [2.0.0,3.0.0) of org.nbdrunner.api.handler"), reason);
            assertTrue(reason.contains("offers 1."), reason);
            assertEquals("1", watcher.read());

            reason = installation.refused("handler", "install", jar(SECOND).toString());
            assertTrue(reason.contains("test.constant 1.0.0 is installed already: upgrade it"), reason);

            reason = installation.refused(
                    "handler", "upgrade", jar(SECOND.api("[1.99,2)")).toString());
            assertTrue(
                    reason.startsWith("nbd-cli: it wants version [1.99.0,2.0.0) of org.nbdrunner.api.handler"), reason);
            assertEquals("1", watcher.read());
            installation.done("handler", "upgrade", jar(SECOND.api("[1.0,2)")).toString());
            assertEquals("2", watcher.read());
        }
    }

    @Test
    void whatMissesAPackageIsRefusedAtOnceWithItsName() throws Exception {
        String lacking = jar(FIRST.importing("com.example.missing")).toString();
        String reason = installation.refused("handler", "install", lacking);
        assertTrue(reason.contains("it does not start: Unable to resolve test.constant"), reason);
        assertTrue(reason.contains("com.example.missing"), reason);
        assertEquals("", listed());
        assertTrue(installation.log().contains("Error while starting bundle: "), "the log does not tell of it");

        // A shipped handler's bundle is no file in deploy/, so the new one comes beside it.
        String version = version("dummy");
        lacking = jar(new HandlerJar("org.nbdrunner.handler.dummy", "99", "dummy", 3).importing("com.example.missing"))
                .toString();
        reason = installation.refused("handler", "upgrade", lacking);
        assertTrue(reason.contains("com.example.missing"), reason);
        assertEquals(version, version("dummy"));

        assertEquals(
                "constant 1.0.0\n",
                installation.done("handler", "install", jar(FIRST).toString()));
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void aHandlerInUseIsRemovedByForceOnlyAndComesBack() throws Exception {
        try (Watcher watcher = install()) {
            String reason = installation.refused("handler", "remove", "constant");
            assertTrue(reason.contains("clients use 1 backstore of handler constant"), reason);
            installation.done("handler", "remove", "constant", "force");
            assertTrue(listed().contains(" absent "), listed());
            assertFalse(Files.exists(installation.home.resolve("deploy/test.constant.jar")));
            assertEquals(
                    "constant 1.1.0\n",
                    installation.done("handler", "install", jar(SECOND).toString()));
            assertEquals("2", watcher.read());
        }
        assertEquals(0, runner.terminate().exit());
    }

    private void installHanging() throws Exception {
        String jar = jar(FIRST.at("STOPPING", "ConstantHandler.hang();")).toString();
        installation.done("handler", "install", jar);
        installation.done("constant", "create", "disk", "size", "64K");
    }

    /** Nobody waits for it for ever, and what is to be done is told; others come and go. */
    @Test
    void whatHangsInItsStopIsNamedToWhoRemovesIt() throws Exception {
        installHanging();
        String reason = installation.refused("handler", "remove", "constant");
        assertTrue(reason.contains("bundle test.constant 1.0.0 does not return from its stop"), reason);
        assertTrue(reason.contains("delete " + installation.home.resolve("deploy/test.constant.jar")), reason);
        Installation.await(
                "the listing to tell", () -> listed().contains("test.constant 1.0.0 does not return from its stop"));

        HandlerJar other = new HandlerJar("test.other", "1.0.0", "other", 1);
        assertEquals(
                "other 1.0.0\n",
                installation.done("handler", "install", jar(other).toString()));
        installation.done("handler", "remove", "other");
    }

    @Test
    void whatHangsInItsStopIsNamedToWhoUpgradesIt() throws Exception {
        installHanging();
        String reason = installation.refused("handler", "upgrade", jar(SECOND).toString());
        assertTrue(reason.contains("bundle test.constant 1.0.0 does not return from its stop"), reason);
        assertTrue(installation.log().contains("bundle test.constant 1.0.0 does not return from its stop"));
        assertEquals(
                0, installation.cli("dummy", "create", "other", "size", "1M").exit());
    }

    @Test
    void aShippedHandlerIsRemovedAndAddedAgain() throws Exception {
        String version = version("dummy");
        installation.done("handler", "remove", "dummy");
        assertEquals(0, runner.terminate().exit());
        runner = installation.run("nbd-runner").awaitServing();
        assertFalse(installation.done("handler", "list").contains("dummy"));
        assertEquals("dummy " + version + "\n", installation.done("handler", "install", "dummy"));
        installation.done("handler", "remove", "dummy");
        installation.done("handler", "install", "dummy");
        assertTrue(line("dummy").endsWith(" -"), "a remark is left: " + line("dummy"));
        installation.done("dummy", "create", "disk", "size", "1M");
        String reason = installation.refused("handler", "install", "dummy");
        assertTrue(reason.contains("feature handler-dummy is there already"), reason);
        assertEquals(0, runner.terminate().exit());
        runner = installation.run("nbd-runner").awaitServing();
        assertTrue(installation.done("handler", "list").contains("dummy"));
        assertEquals(0, runner.terminate().exit());
    }

    /** The bundle of its native libraries has other users, and so stays. */
    @Test
    void aShippedHandlerWithNativeAccessIsRemovedAndAddedAgain() throws Exception {
        installation.done("handler", "remove", "file");
        installation.done("handler", "install", "file");
        installation.done("file", "create", "disk", "size", "64K");
        try (Watcher watcher = new Watcher("nbd://127.0.0.1:" + installation.port + "/file/disk", directory)) {
            assertEquals("0", watcher.read());
        }
        assertEquals(0, runner.terminate().exit());
    }

    /** It is not among those that the runner was started with, and yet what is dropped in deploy/ goes before it. */
    @Test
    void aShippedHandlerThatWasAddedGivesWayToAFile() throws Exception {
        String shipped = version("dummy");
        installation.done("handler", "remove", "dummy");
        installation.done("handler", "install", "dummy");
        Path deployed = installation.home.resolve("deploy/newer.jar");
        new HandlerJar("test.dummy", "99", "dummy", 3).make(directory, deployed);
        Installation.await("the file's handler", () -> version("dummy").equals("99.0.0"));

        Files.delete(deployed);
        Installation.await("the shipped handler", () -> version("dummy").equals(shipped));
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void aShippedHandlerIsNotAddedBesideAFileOfItsName() throws Exception {
        installation.done("handler", "remove", "dummy");
        String jar = jar(new HandlerJar("test.dummy", "99", "dummy", 3)).toString();
        assertEquals("dummy 99.0.0\n", installation.done("handler", "install", jar));
        String reason = installation.refused("handler", "install", "dummy");
        assertTrue(reason.contains("handler dummy is served by test.dummy 99.0.0 already: remove it first"), reason);
        installation.done("handler", "remove", "dummy");
        installation.done("handler", "install", "dummy");
        assertEquals(0, runner.terminate().exit());
    }
}
