package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {

    private static Options parse(String line) throws UsageException {
        return Options.parse(line.isEmpty() ? List.of() : List.of(line.split(" ", -1)));
    }

    @Test
    void nothingRuns() throws Exception {
        assertEquals(new Options(Options.Action.RUN, Map.of()), parse(""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-t 4 -r ::1 -i 10.0.0.1 -G gl",
                "-t4 -r::1 -i10.0.0.1 -Ggl",
                "--threads 4 --rhost ::1 --ihost 10.0.0.1 --ghost gl",
                "--ghost=gl --ihost=10.0.0.1 --rhost=::1 --threads=4",
                "threads 4 rpchost ::1 iohost 10.0.0.1 -G gl",
                "-t 9 -t 4 -r ::1 -i 10.0.0.1 -G gl"
            })
    void everyFormSetsTheSameProperties(String line) throws Exception {
        assertEquals(
                Map.of("nbd.threads", "4", "nbd.rhost", "::1", "nbd.ihost", "10.0.0.1", "nbd.ghost", "gl"),
                parse(line).properties());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-h", "--help", "help", "-t 4 --help", "help --nonsense"})
    void help(String line) throws Exception {
        assertEquals(Options.Action.HELP, parse(line).action());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-v", "--version", "version"})
    void version(String line) throws Exception {
        assertEquals(Options.Action.VERSION, parse(line).action());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-x", "--thread=4", "nonsense", "--threads4", "ghost h", "-T 4"})
    void unknownWordsAreNamed(String line) {
        UsageException e = assertThrows(UsageException.class, () -> parse(line));
        assertTrue(e.getMessage().startsWith("unknown "), e.getMessage());
        assertTrue(e.getMessage().endsWith(line.split(" ", 2)[0]), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-t", "--rhost", "--rhost=", "iohost"})
    void missingValues(String line) {
        assertTrue(assertThrows(UsageException.class, () -> parse(line))
                .getMessage()
                .endsWith("needs a value"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "1025", "four", "4.0", "99999999999"})
    void badThreads(String number) {
        assertEquals(
                "the number of threads must be 1 to 1024, not " + number,
                assertThrows(UsageException.class, () -> parse("-t " + number)).getMessage());
    }
}
