package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.handler.Errno;

/** handler: what it lists, and which change it asks for. */
class HandlerTest {
    private final Fakes fakes = new Fakes();

    private int run(String line) {
        return fakes.run(line.split(" "));
    }

    private void fill() {
        fakes.handlers.add(new HandlerInfo("ceph", 1, 1, "", -1, HandlerState.ABSENT, 1, 0, ""));
        fakes.handlers.add(new HandlerInfo("dummy", 1000, 0, "1.1.0", 17, HandlerState.ACTIVE, 0, 0, ""));
        fakes.handlers.add(new HandlerInfo(
                "file", 1001, 12, "1.0.0.rc", 8, HandlerState.OPENING, 3, 64, "1.1.0 was rolled back: \u001bno"));
    }

    @Test
    void lists() {
        fill();
        assertEquals(Commands.DONE, run("handler list"), fakes::errText);
        assertEquals("""
                NAME   VERSION   BUNDLE  STATE    BACKSTORES  EXPORTS  IN-FLIGHT  REMARK
                ceph   -         -       absent   1           1        0          -
                dummy  1.1.0     17      active   0           0        0          -
                file   1.0.0.rc  8       opening  12          3        64         1.1.0 was rolled back: ?no
                """, fakes.outText());
        assertEquals(List.of("handlers"), fakes.calls);
    }

    @Test
    void listsInJson() {
        fill();
        assertEquals(Commands.DONE, run("handler l --json"), fakes::errText);
        assertEquals(JsonParser.parseString("""
                        [{"name": "ceph", "type": 1, "version": "", "bundle": -1, "state": "absent", "backstores": 1,
                          "exports": 1, "in_flight": 0, "remark": ""},
                         {"name": "dummy", "type": 1000, "version": "1.1.0", "bundle": 17, "state": "active",
                          "backstores": 0, "exports": 0, "in_flight": 0, "remark": ""},
                         {"name": "file", "type": 1001, "version": "1.0.0.rc", "bundle": 8, "state": "opening",
                          "backstores": 12, "exports": 3, "in_flight": 64,
                          "remark": "1.1.0 was rolled back: \\u001bno"}]
                        """), JsonParser.parseString(fakes.outText()));
    }

    @Test
    void listsNothingInJson() {
        assertEquals(Commands.DONE, run("handler list --json"), fakes::errText);
        assertEquals("[]\n", fakes.outText());
    }

    @Test
    void saysThatARunnerIsTooOld() {
        fakes.refuse("handlers", Errno.ENOTSUP, "the runner at h:1 is too old to list its handlers");
        assertEquals(Commands.FAILED, run("handler list"));
        assertEquals("nbd-cli: the runner at h:1 is too old to list its handlers\n", fakes.errText());
    }

    @ParameterizedTest
    @CsvSource({
        "handler install ./rot13, install ./rot13",
        "handler install /tmp/rot13.jar, install /tmp/rot13.jar",
        "handler install rot13.jar, install rot13.jar",
        "handler install rot13, add rot13",
        "handler install handler-file, add handler-file",
        "handler i host, add host",
        "handler upgrade rot13.jar, upgrade rot13.jar",
        "handler u rot13, upgrade rot13"
    })
    void changes(String line, String call) {
        assertEquals(Commands.DONE, run(line), fakes::errText);
        assertEquals(List.of(call), fakes.calls);
        assertEquals("file 1.2.0\n", fakes.outText());
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @CsvSource({
        "handler remove file, remove file false",
        "handler remove file force, remove file true",
        "handler r force, remove force false",
        "ha rem force force, remove force true"
    })
    void removes(String line, String call) {
        assertEquals(Commands.DONE, run(line), fakes::errText);
        assertEquals(List.of(call), fakes.calls);
        assertEquals("", fakes.outText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"install file", "install a.jar", "upgrade a.jar"})
    void printsJson(String command) {
        assertEquals(Commands.DONE, run("handler " + command + " --json"), fakes::errText);
        assertEquals("{\"name\":\"file\",\"version\":\"1.2.0\"}\n", fakes.outText());
    }

    @ParameterizedTest
    @CsvSource({"install, install ./x", "upgrade, upgrade ./x", "add, install x", "remove, remove x"})
    void printsTheReasonOfARefusalAlone(String operation, String command) {
        fakes.refuse(operation, Errno.EIO, "x 2.0.0 cannot open a: rolled back to 1.0.0");
        assertEquals(Commands.FAILED, run("handler " + command + " --json"));
        assertEquals("nbd-cli: x 2.0.0 cannot open a: rolled back to 1.0.0\n", fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void refusesWhatIsNoFile() {
        assertEquals(Commands.USAGE, fakes.run("handler", "install", "a\0.jar"));
        assertTrue(fakes.errText().startsWith("nbd-cli: a?.jar is no name of a file: "), fakes::errText);
        assertEquals(List.of(), fakes.calls);
    }

    @Test
    void helps() {
        assertEquals(Commands.DONE, run("handler help"));
        assertEquals("""
                usage: nbd-cli handler list    [host HOST]
                       nbd-cli handler install FILE|FEATURE [host HOST]
                       nbd-cli handler upgrade FILE [host HOST]
                       nbd-cli handler remove  NAME [force] [host HOST]
                       nbd-cli handler help

                FILE        a handler's bundle: a jar of this machine; its name has a / or ends in .jar
                FEATURE     a handler that was shipped with the runner, as file
                NAME        a handler, as handler list shows it
                force       even if its backstores are in use: what is mapped is dead until it is back
                HOST        the runner's HOST[:PORT], or several with commas between; localhost unless given
                """, fakes.outText());
    }
}
