package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Starts and stops, and what is said when a start is refused: one line on the standard error, and an exit code. */
class StartTest {
    @TempDir
    private Path directory;

    private Installation installation;

    @BeforeEach
    void install() throws IOException {
        installation = new Installation(directory.resolve("a home"));
    }

    @AfterEach
    void end() {
        installation.close();
    }

    private void refused(int exit, String... words) throws Exception {
        refused(installation.run("nbd-runner").await(), exit, words);
    }

    private static void refused(Installation.Result result, int exit, String... words) {
        assertEquals(exit, result.exit(), result::toString);
        assertEquals(1, result.err().lines().count(), result::toString);
        assertTrue(result.err().startsWith("nbd-runner: "), result::toString);
        for (String word : words) {
            assertTrue(result.err().contains(word), result::toString);
        }
        assertFalse(result.out().contains("is serving"), result::toString);
        assertFalse(result.out().contains("\tat "), result::toString);
    }

    @Test
    void servesAndEndsCleanly() throws Exception {
        for (int i = 0; i < 2; i++) {
            Installation.Run run = installation.run("nbd-runner").awaitServing();
            String line = run.servingLine();
            assertTrue(line.contains(": NBD on 127.0.0.1:" + installation.port + ", "), line);
            assertTrue(line.contains(", legacy NBD on 127.0.0.1:" + installation.legacyPort + ", "), line);
            assertTrue(line.contains(", control on 127.0.0.1:" + installation.controlPort + ", "), line);
            assertTrue(line.endsWith(", handlers azblk dummy file"), line);
            Installation.Result result = run.terminate();
            assertEquals(0, result.exit(), result::toString);
            assertEquals("", result.err());
            assertTrue(result.out().contains("nbd-runner is stopping\n"), result::toString);
            assertTrue(result.out().endsWith("nbd-runner has stopped\n"), result::toString);
        }
        String log = installation.log();
        assertTrue(log.contains(" is serving: "), log);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            CLOSING | ConstantHandler.hang();
            CLOSING | if (true) throw new IOException("no such luck");
            SUBMITTING | if (request.command() == Command.FLUSH) { request.fail(Errno.ENOSPC, "no such room"); return; }
            """)
    void tellsOfAVolumeThatIsNotClosedProperlyAtTheStop(String point, String statement) throws Exception {
        new HandlerJar("test.constant", "1.0.0", "constant", 1)
                .at(point, statement)
                .make(directory, installation.home.resolve("deploy/constant.jar"));
        Installation.Run run = installation.run("nbd-runner").awaitServing();
        Installation.await("the handler", () -> installation.log().contains("Handler constant 1.0.0 is here"));
        installation.cli("constant", "create", "disk", "size", "64K");
        try (Watcher watcher = new Watcher("nbd://127.0.0.1:" + installation.port + "/constant/disk", directory)) {
            assertEquals("1", watcher.read());
            Installation.Result result = run.terminate();
            assertEquals(1, result.exit(), result::toString);
            assertTrue(
                    result.err().startsWith("nbd-runner: stopped, but could not flush or close disk properly, "),
                    result::toString);
            assertEquals(1, result.err().lines().count(), result::toString);
            assertFalse(result.out().contains("has stopped"), result::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void startsThroughALinkWithOptionsAndADataDirectoryOfItsOwn(boolean made) throws Exception {
        Path data = directory.resolve("state");
        if (made) {
            Files.createDirectory(data);
        }
        Path link = Files.createSymbolicLink(
                directory.resolve("link"), directory.relativize(installation.home.resolve("bin/nbd-runner")));
        installation.environment.put("NBD_RUNNER_DATA", data.toString());
        Installation.Run run = installation
                .runOther(link.toString(), "-t", "2", "--ihost=127.0.0.2", "rpchost", "127.0.0.3")
                .awaitServing();
        assertTrue(run.servingLine().contains("NBD on 127.0.0.2:"), run.servingLine());
        assertTrue(run.servingLine().contains("control on 127.0.0.3:"), run.servingLine());
        assertEquals(0, run.terminate().exit());
        assertTrue(Files.isDirectory(data.resolve("files")));
        assertFalse(Files.exists(installation.home.resolve("data")));
    }

    @ParameterizedTest
    @CsvSource({"--version", "-v", "version", "--help", "-h", "help"})
    void tellsAboutItself(String option) throws Exception {
        Installation.Result result = installation.run("nbd-runner", option).await();
        assertEquals(0, result.exit(), result::toString);
        assertTrue(result.out().contains("nbd-runner"), result::toString);
        assertEquals("", result.err());
        assertFalse(Files.exists(installation.home.resolve("data")));
    }

    @ParameterizedTest
    @CsvSource({
        "--nonsense, unknown option --nonsense",
        "nonsense, unknown argument nonsense",
        "--threads=0, the number of threads must be",
        "--uid, --uid needs a value",
        "--gid=, --gid= needs a value"
    })
    void wrongCommandLine(String argument, String words) throws Exception {
        refused(installation.run("nbd-runner", argument).await(), 2, words, "see nbd-runner --help");
    }

    @ParameterizedTest
    @CsvSource({"org.nbdrunner.engine, port", "org.nbdrunner.engine, legacyPort", "org.nbdrunner.rpc, port"})
    void portInUse(String pid, String key) throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            installation.configure(pid, key, socket.getLocalPort());
            refused(1, pid, String.valueOf(socket.getLocalPort()));
        }
    }

    @ParameterizedTest
    @CsvSource({"org.nbdrunner.registry", "org.nbdrunner.handler.file"})
    void missingDirectory(String pid) throws Exception {
        installation.configure(pid, "directory", "/no/such/directory");
        refused(1, pid, "/no/such/directory");
    }

    @Test
    void corruptState() throws Exception {
        Path state = Files.createDirectories(installation.home.resolve("data")).resolve("saveconfig.json");
        Files.createDirectories(installation.home.resolve("data/files"));
        Files.writeString(state, "{\"half");
        refused(1, state.toString());
        assertEquals("{\"half", Files.readString(state));
    }

    @Test
    void unknownKey() throws Exception {
        installation.configure("org.nbdrunner.engine", "prot", 1);
        refused(1, "conf/org.nbdrunner.engine.cfg: unknown key prot (known are ", "port");
    }

    @Test
    void badValue() throws Exception {
        installation.configure("org.nbdrunner.engine", "port", "nbd");
        refused(1, "conf/org.nbdrunner.engine.cfg: port must be an integer", "\"nbd\"");
    }

    @Test
    void unknownConfiguration() throws Exception {
        Files.writeString(installation.home.resolve("conf/org.nbdrunner.engin.cfg"), "");
        refused(1, "conf/org.nbdrunner.engin.cfg: no bundle", "org.nbdrunner.engine.cfg");
    }

    @Test
    void unknownSetting() throws Exception {
        installation.set("nbd.feature", "core");
        refused(1, "conf/nbd-runner.properties: unknown key nbd.feature ");
    }

    @Test
    void unknownFeature() throws Exception {
        installation.set("nbd.features", "core, handler-tape");
        refused(1, "unknown feature \"handler-tape\"", "handler-dummy");
    }

    @Test
    void featuresWithoutCore() throws Exception {
        installation.set("nbd.features", "handler-dummy");
        refused(1, "bundle org.nbdrunner.handler.dummy does not start: ");
    }

    @Test
    void badFeatureFile() throws Exception {
        Files.writeString(installation.home.resolve("features/core.json"), "{\n  \"id\": ");
        refused(1, "features/core.json: not valid JSON: ", "line 2");
    }

    @Test
    void missingBundle() throws Exception {
        String name = Distribution.names(installation.home.resolve("system")).stream()
                .filter(jar -> jar.startsWith("org.nbdrunner.handler.file-"))
                .findFirst()
                .orElseThrow();
        Files.delete(installation.home.resolve("system").resolve(name));
        refused(1, "system/" + name + " is missing, feature \"handler-file\" needs it");
    }

    @Test
    void missingSettings() throws Exception {
        Files.delete(installation.home.resolve("conf/nbd-runner.properties"));
        refused(1, "conf/nbd-runner.properties is missing");
    }

    @Test
    void anotherRunnerOnTheSameData() throws Exception {
        Installation.Run first = installation.run("nbd-runner").awaitServing();
        refused(1, "another nbd-runner (process " + first.process.pid() + ")", "NBD_RUNNER_DATA");
        assertEquals(0, first.terminate().exit());
    }

    @Test
    void componentWithoutConfiguration() throws Exception {
        Path feature = installation.home.resolve("features/core.json");
        Files.writeString(
                feature, Files.readString(feature).replace("\"org.nbdrunner.registry\": {", "\"org.other\": {"));
        Files.delete(installation.home.resolve("conf/org.nbdrunner.registry.cfg"));
        refused(1, "conf/org.nbdrunner.registry.cfg is missing");
    }

    @Test
    void defaultsOfTheFeaturesWhereConfHasNoFile() throws Exception {
        Files.delete(installation.home.resolve("conf/org.nbdrunner.registry.cfg"));
        Files.delete(installation.home.resolve("conf/org.nbdrunner.handler.file.cfg"));
        assertEquals(
                0, installation.run("nbd-runner").awaitServing().terminate().exit());
    }

    @Test
    void componentThatWaitsForEver() throws Exception {
        installation.set("nbd.start.timeout", 1);
        // The name that a reference in a constructor's parameter gets.
        installation.configure("org.nbdrunner.engine", "$001.target", "(no=such)");
        refused(1, "not started within 1 s: ", "org.nbdrunner.api.export.Exports");
    }

    @Test
    void dataDirectoryThatCannotBe() throws Exception {
        installation.environment.put("NBD_RUNNER_DATA", "/dev/null/data");
        Installation.Result result = installation.run("nbd-runner").await();
        assertEquals(1, result.exit(), result::toString);
        assertTrue(result.err().endsWith("nbd-runner: cannot make the data directory /dev/null/data\n"), result.err());
    }

    @Test
    void javaTooOld() throws Exception {
        Path bin = Files.createDirectories(directory.resolve("java 11/bin"));
        Files.createFile(
                bin.resolve("java"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Files.writeString(bin.resolve("java"), "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n");
        installation.environment.put("JAVA_HOME", bin.getParent().toString());
        refused(1, "Java 17 or newer is needed, ", "is version 11");
    }

    @Test
    void noJava() throws Exception {
        installation.environment.put("JAVA_HOME", "/no/such/java");
        refused(1, "there is no /no/such/java/bin/java: install Java 17 or newer, or set JAVA_HOME");
    }
}
