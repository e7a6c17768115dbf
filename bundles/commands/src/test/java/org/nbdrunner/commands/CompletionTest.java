package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The completion script, run by bash itself. */
class CompletionTest {
    @TempDir
    private Path directory;

    private Path script;

    @BeforeEach
    void write() throws IOException {
        Fakes fakes = new Fakes();
        assertEquals(Commands.DONE, fakes.run("completion", "bash"), fakes::errText);
        script = Files.writeString(directory.resolve("nbd-cli"), fakes.outText());
    }

    /** What bash offers for the last of the words. */
    private List<String> complete(String... words) throws IOException, InterruptedException {
        String line = String.join("' '", words);
        String program = "set -u; source \"$1\"; COMP_WORDS=('" + line + "'); COMP_CWORD=" + (words.length - 1)
                + "; _nbd_cli; printf '%s\\n' \"${COMPREPLY[@]}\"";
        Process bash = new ProcessBuilder("bash", "--norc", "-c", program, "bash", script.toString())
                .redirectErrorStream(true)
                .start();
        bash.getOutputStream().close();
        String said = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(bash.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, bash.exitValue(), said);
        return said.lines().toList();
    }

    @ParameterizedTest
    @CsvSource({
        "nbd-cli fi, file",
        "nbd-cli ha, handler",
        "nbd-cli file cr, create",
        "nbd-cli file create a.img s, size",
        "nbd-cli file create a.img size 1G p, prealloc",
        "nbd-cli file r, resize",
        "nbd-cli file resize a.img size 1G f, force",
        "nbd-cli file map a.img r, readonly",
        "nbd-cli file map a.img readonly t, timeout",
        "nbd-cli file unmap a.img h, host",
        "nbd-cli file list d, dead",
        "nbd-cli list inu, inuse",
        "nbd-cli handler l, list",
        "nbd-cli handler list h, host",
        "nbd-cli handler r, remove",
        "nbd-cli handler remove d, dummy",
        "nbd-cli handler remove dummy f, force",
        "nbd-cli handler upgrade a.jar h, host",
        "nbd-cli completion b, bash"
    })
    void completes(String line, String word) throws Exception {
        assertEquals(List.of(word), complete(line.split(" ")));
    }

    @Test
    void offersHandlersAndCommands() throws Exception {
        assertEquals(
                List.of("dummy", "file", "list", "info", "handler", "help", "version", "completion"),
                complete("nbd-cli", ""));
        assertEquals(
                List.of("create", "delete", "resize", "map", "unmap", "list", "info", "help"),
                complete("nbd-cli", "file", ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"install", "upgrade"})
    void offersJarsAndDirectories(String command) throws Exception {
        Path jar = Files.createFile(directory.resolve("my handler.jar"));
        Files.createFile(directory.resolve("my handler.txt"));
        Path folder = Files.createDirectory(directory.resolve("my handlers"));
        assertEquals(
                Set.of(jar.toString(), folder.toString()),
                Set.copyOf(complete(
                        "nbd-cli",
                        "handler",
                        command,
                        directory.resolve("my ha").toString())));
    }

    @Test
    void offersNothingForNonsense() throws Exception {
        assertEquals(List.of(""), complete("nbd-cli", "zzz"));
    }

    @Test
    void isRegisteredForTheProgram() throws Exception {
        Process bash = new ProcessBuilder(
                        "bash", "--norc", "-c", "source \"$1\"; complete -p nbd-cli", "bash", script.toString())
                .start();
        assertEquals(
                "complete -F _nbd_cli nbd-cli\n",
                new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertTrue(bash.waitFor(30, TimeUnit.SECONDS));
    }
}
