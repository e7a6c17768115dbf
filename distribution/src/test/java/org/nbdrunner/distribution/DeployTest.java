package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Handlers come, change and go in {@code deploy/} while the runner serves. */
class DeployTest {
    private static final int NONE = -1;

    @TempDir
    private Path directory;

    private Installation installation;
    private Installation.Run runner;

    @BeforeEach
    void start() throws Exception {
        installation = new Installation(directory.resolve("home"));
        // How long clients wait for a handler that was deleted.
        installation.configure("org.nbdrunner.registry", "timeout", 2);
        runner = installation.run("nbd-runner").awaitServing();
    }

    @AfterEach
    void end() {
        installation.close();
    }

    @Test
    void aHandlerIsInstalledUpdatedAndRemoved() throws Exception {
        assertNotEquals(
                0, installation.cli("constant", "create", "disk", "size", "64K").exit());

        Path jar = installation.home.resolve("deploy/constant.jar");
        new HandlerJar("test.constant", "1.0.0", "constant", 1).make(directory, jar);
        Installation.await("the handler", () -> created("constant", "disk"));
        assertEquals(1, content("constant/disk"));

        new HandlerJar("test.constant", "1.0.0", "constant", 2).make(directory, jar);
        Installation.await("the update", () -> content("constant/disk") == 2);

        Files.delete(jar);
        Installation.await("the removal", () -> content("constant/disk") == NONE);
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void aDeployedHandlerGoesBeforeTheShippedOne() throws Exception {
        Installation.await("the shipped handler", () -> created("dummy", "disk"));
        assertEquals(0, content("dummy/disk"));

        Path jar = installation.home.resolve("deploy/newer.jar");
        new HandlerJar("org.nbdrunner.handler.dummy", "99", "dummy", 3).make(directory, jar);
        // Not by reading: a client that is there at the change was offered more than this handler can do, and so keeps
        // the shipped one.
        Installation.await("the shipped handler to be set aside", () -> changes() == 1);
        assertEquals(3, content("dummy/disk"));

        Installation.Result stopped = runner.terminate();
        assertEquals(0, stopped.exit(), stopped::toString);
        long changes = changes();
        runner = installation.run("nbd-runner").awaitServing();
        // deploy/ is looked through when the shipped handlers serve already, and those disks were in memory.
        Installation.await("the deployed handler after a restart", () -> changes() > changes);
        assertFalse(installation.cli("list").out().contains("dummy/disk"));
        assertTrue(created("dummy", "disk"));
        assertEquals(3, content("dummy/disk"));

        Files.delete(jar);
        Installation.await("the removal", () -> content("dummy/disk") != 3);
        Installation.await("the shipped handler", () -> created("dummy", "other"));
        assertEquals(0, content("dummy/other"));
        assertEquals(0, runner.terminate().exit());
    }

    @Test
    void filesThatAreNoHandlersAreToldOf() throws Exception {
        Path deploy = installation.home.resolve("deploy");
        for (String name : List.of("handler.zip", "broken.jar", "handler.jar.part")) {
            Files.writeString(deploy.resolve(name), "x");
        }
        Installation.await(
                "what is said of them",
                () -> installation
                                .log()
                                .contains(deploy.resolve("handler.zip") + " is ignored: its name does not end in .jar")
                        && installation
                                .log()
                                .contains(deploy.resolve("broken.jar") + " is ignored: the file is no jar"));
        assertEquals(0, runner.terminate().exit());
        assertEquals(
                2,
                installation
                        .log()
                        .lines()
                        .filter(line -> line.contains(" is ignored: "))
                        .count());
    }

    /** How often one handler dummy went in favour of another. */
    private long changes() {
        return installation
                .log()
                .lines()
                .filter(line -> line.endsWith("Handler dummy is gone"))
                .count();
    }

    private boolean created(String handler, String name) {
        try {
            return installation.cli(handler, "create", name, "size", "64K").exit() == 0;
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** The byte that an export is full of; {@link #NONE} if it cannot be read. */
    private int content(String export) {
        Path copy = directory.resolve("copy");
        try {
            Files.deleteIfExists(copy);
            String uri = "nbd://127.0.0.1:" + installation.port + "/" + export;
            if (installation.runOther("nbdcopy", uri, copy.toString()).await().exit() != 0) {
                return NONE;
            }
            byte[] bytes = Files.readAllBytes(copy);
            for (byte b : bytes) {
                if (b != bytes[0]) {
                    throw new AssertionError(export + " is mixed");
                }
            }
            return bytes[0];
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
