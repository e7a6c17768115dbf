package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.handler.Errno;

/** Which words make which command, and what is said of words that make none. */
class GrammarTest {
    private final Fakes fakes = new Fakes();

    private int run(String line) {
        return fakes.run(line.isEmpty() ? new String[0] : line.split(" "));
    }

    @ParameterizedTest
    @CsvSource({
        "file create a.img size 1G, create file a.img 1073741824 false",
        "file create a.img prealloc size 1G, create file a.img 1073741824 true",
        "file create a.img size 1G prealloc, create file a.img 1073741824 true",
        "file create size size 1K, create file size 1024 false",
        "file create host size 1K, create file host 1024 false",
        "file create prealloc size 1K, create file prealloc 1024 false",
        "file c a.img size 512, create file a.img 512 false",
        "gluster create vol/dir/f size 1M, create gluster vol/dir/f 1048576 false",
        "azblk create h/c/b;http size 1M, create azblk h/c/b;http 1048576 false",
        "rot13-v2 create x size 1M, create rot13-v2 x 1048576 false",
        "file delete a.img, delete file a.img",
        "file del a.img, delete file a.img",
        "dummy d mem, delete dummy mem",
        "file delete list, delete file list"
    })
    void createsAndDeletes(String line, String call) {
        assertEquals(Commands.DONE, run(line), fakes::errText);
        assertEquals(List.of(call), fakes.calls);
        assertEquals("", fakes.outText());
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "file create a.img size 1G host there:1",
                "file create a.img host there:1 size 1G",
                "file delete a.img host there:1",
                "file resize a.img host there:1 force size 1G",
                "file map a.img host there:1",
                "file map a.img host there:1 readonly /dev/nbd4 timeout 5",
                "file unmap a.img host there:1",
                "file list host there:1",
                "file list host there:1 dead",
                "list host there:1 --json",
                "handler list host there:1",
                "handler install file host there:1",
                "handler install a.jar host there:1 --json",
                "handler upgrade a.jar host there:1",
                "handler remove file host there:1 force",
            })
    void takesTheHostAnywhereBehindTheFirstArgument(String line) {
        assertEquals(Commands.DONE, run(line), fakes::errText);
        assertEquals("host there:1", fakes.calls.get(0));
    }

    @ParameterizedTest
    @CsvSource({
        "file create a.img, size is missing",
        "file create, something is missing",
        "file delete, something is missing",
        "file resize size 1G, unexpected word 1G",
        "file resize a.img, size is missing",
        "file resize a.img 2G, unexpected word 2G",
        "file resize a.img size 0, size 0 is empty: at least 512 bytes are needed",
        "file resize a.img size 1000, size 1000 is no multiple of 512: the nearest are 512 and 1024",
        "file resize a.img size 1G shrink, unexpected word shrink",
        "file map, something is missing",
        "file unmap, something is missing",
        "file info, something is missing",
        "file, which command?",
        "file create a.img size, size needs a value",
        "file create a.img size 1G host, host needs a value",
        "file create a.img size 1G size 2G, size is given twice",
        "file create a.img size 1G prealloc prealloc, prealloc is given twice",
        "file create a.img size 1G host a host b, host is given twice",
        "file create a.img size 1G thin, unexpected word thin",
        "file create a.img b.img size 1G, unexpected word b.img",
        "file create a.img size 1G timeout 3, unexpected word timeout",
        "file create a.img size 1G --fast, unknown option --fast",
        "file create a.img size big, 'size big is no size: write a number with B, K, M, G, T, P or E, as 1.5G'",
        "file create a.img size 8E, size 8E is too large: less than 8E is possible",
        "file create a.img size 1000, size 1000 is no multiple of 512: the nearest are 512 and 1024",
        "file delete a.img b.img, unexpected word b.img",
        "file delete a.img prealloc, unexpected word prealloc",
        "file map a.img b.img, b.img is no /dev/nbdX",
        "file map a.img /dev/sda, /dev/sda is no /dev/nbdX",
        "file map a.img /dev/nbd0 /dev/nbd1, unexpected word /dev/nbd1",
        "file map a.img timeout, timeout needs a value",
        "file map a.img timeout soon, timeout soon is no number of seconds",
        "file map a.img timeout 1.5, timeout 1.5 is no number of seconds",
        "file map a.img timeout 99999999999, timeout 99999999999 is no number of seconds",
        "file map a.img timeout 0, timeout 0 is not positive",
        "file map a.img timeout 86401, timeout 86401 is over a day: at most 86400 is possible",
        "file map a.img timeout 1500000000, timeout 1500000000 is over a day: at most 86400 is possible",
        "h, h may be handler or help",
        "file map a.img timeout -3, timeout -3 is not positive",
        "file map a.img readonly readonly, readonly is given twice",
        "file list broken, there is no state broken",
        "file list dead live, unexpected word live",
        "list broken, there is no state broken",
        "info, something is missing",
        "handler, which command?",
        "handler purge, there is no command purge",
        "handler install, something is missing",
        "handler install a.jar b.jar, unexpected word b.jar",
        "handler install a.jar force, unexpected word force",
        "handler upgrade, something is missing",
        "handler remove, something is missing",
        "handler remove file now, unexpected word now",
        "handler remove file force force, force is given twice",
        "handler list all, unexpected word all",
        "version 2, unexpected word 2",
        "completion, completion is there for: bash",
        "completion csh, completion is there for: bash",
        "file frobnicate a, there is no command frobnicate",
        "FILE list, there is no command FILE",
        "-x, there is no command -x",
        "help -x, there is no command -x",
        "file_2 list, there is no command file_2"
    })
    void refusesWordsThatMakeNoCommand(String line, String reason) {
        assertEquals(Commands.USAGE, run(line));
        assertEquals("", fakes.outText());
        List<String> err = fakes.errText().lines().toList();
        assertEquals("nbd-cli: " + reason, err.get(0));
        assertTrue(err.get(1).startsWith("usage: nbd-cli "), fakes::errText);
        assertEquals(List.of(), fakes.calls, "the runner is not asked");
    }

    @Test
    void showsHelpOnTheStandardErrorWhenThereAreNoWords() {
        assertEquals(Commands.USAGE, run(""));
        assertEquals("", fakes.outText());
        assertTrue(fakes.errText().startsWith("usage: nbd-cli HANDLER COMMAND"), fakes::errText);
    }

    @Test
    void showsHowTheCommandIsUsed() {
        run("gluster create");
        assertEquals("""
                nbd-cli: something is missing
                usage: nbd-cli gluster create CFG [prealloc] size SIZE [host HOST]

                CFG         VOLUME/FILEPATH
                SIZE        a number with B, K, M, G, T, P or E, powers of 1024, fractions allowed: 1.5G
                HOST        the runner's HOST[:PORT], or several with commas between; localhost unless given
                """, fakes.errText());
    }

    @ParameterizedTest
    @CsvSource({
        "file m a b, usage: nbd-cli file map CFG [NBD_DEVICE] [timeout SECONDS] [readonly] [host HOST]",
        "file list broken, usage: nbd-cli file list [STATE] [host HOST]",
        "list broken, usage: nbd-cli list [STATE] [host HOST]",
        "info, usage: nbd-cli info CFG [host HOST]",
        "handler list all, usage: nbd-cli handler list [host HOST]",
        "handler install, usage: nbd-cli handler install FILE|FEATURE [host HOST]",
        "handler up, usage: nbd-cli handler upgrade FILE [host HOST]",
        "handler remove, usage: nbd-cli handler remove NAME [force] [host HOST]",
        "version 2, usage: nbd-cli version",
        "completion, usage: nbd-cli completion bash"
    })
    void showsThisCommandAlone(String line, String usage) {
        assertEquals(Commands.USAGE, run(line));
        List<String> err = fakes.errText().lines().toList();
        assertEquals(usage, err.get(1));
        assertTrue(err.size() == 2 || err.get(2).isEmpty(), fakes::errText);
    }

    @Test
    void helpsWithAHandler() {
        assertEquals(Commands.DONE, run("gluster help"));
        assertEquals("""
                usage: nbd-cli gluster create CFG [prealloc] size SIZE [host HOST]
                       nbd-cli gluster delete CFG [host HOST]
                       nbd-cli gluster resize CFG size SIZE [force] [host HOST]
                       nbd-cli gluster map    CFG [NBD_DEVICE] [timeout SECONDS] [readonly] [host HOST]
                       nbd-cli gluster unmap  NBD_DEVICE|CFG [host HOST]
                       nbd-cli gluster list   [STATE] [host HOST]
                       nbd-cli gluster info   CFG [host HOST]
                       nbd-cli gluster help

                CFG         VOLUME/FILEPATH
                SIZE        a number with B, K, M, G, T, P or E, powers of 1024, fractions allowed: 1.5G
                NBD_DEVICE  /dev/nbdX; for map any free one unless given
                SECONDS     that an I/O may take before its connection is given up, 30 unless given
                STATE       inuse|map, free|unmap: the kernel's devices; create, dead, live: backstores; all
                force       even if it becomes smaller: what is beyond its new end is lost
                HOST        the runner's HOST[:PORT], or several with commas between; localhost unless given
                """, fakes.outText());
    }

    @ParameterizedTest
    @CsvSource({"li, list ''", "l dead, list ''", "i a.img, list ''", "ha l, handlers"})
    void takesTheBeginningsOfCommands(String line, String call) {
        fakes.backstores.add(Fakes.backstore("file", "a.img", BackstoreState.CREATED, "", 512));
        assertEquals(Commands.DONE, run(line), fakes::errText);
        assertEquals(List.of(call), fakes.calls);
    }

    @Test
    void takesAHandlerForNoBeginning() {
        fakes.handlerNames = List.of("h", "li");
        assertEquals(Commands.DONE, run("li list"), fakes::errText);
        assertEquals(Commands.DONE, run("h list"), fakes::errText);
        assertEquals(List.of("list li", "list h"), fakes.calls);
    }

    @Test
    void printsNoControlCharactersOfAReason() {
        fakes.refuse("delete", Errno.ENOENT, "no \u001b[2J");
        assertEquals(Commands.FAILED, run("file delete a"));
        assertEquals("nbd-cli: no ?[2J\n", fakes.errText());
    }

    @ParameterizedTest
    @CsvSource({
        "gluster help, VOLUME/FILEPATH",
        "ceph help, POOL/IMAGE",
        "azblk help, ACCOUNT.blob.core.windows.net/CONTAINER/BLOB[;sas=...][;lease=...][;http]",
        "dummy help, NAME",
        "dummy h, NAME",
        "file help, PATH below the runner's configured directory",
        "rot13 help, NAME",
        "dummy --help, NAME",
        "dummy -h, NAME",
        "help dummy, NAME"
    })
    void saysWhatNamesABackstore(String line, String cfg) {
        assertEquals(Commands.DONE, run(line));
        assertTrue(fakes.outText().lines().toList().contains("CFG         " + cfg), fakes::outText);
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"help", "-h", "--help", "help list", "help help"})
    void helps(String line) {
        assertEquals(Commands.DONE, run(line));
        assertTrue(fakes.outText().contains("HANDLER one of: dummy, file\n"), fakes::outText);
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"handler help", "handler --help", "handler -h", "help handler", "-h ha"})
    void helpsWithHandlers(String line) {
        assertEquals(Commands.DONE, run(line));
        assertTrue(fakes.outText().startsWith("usage: nbd-cli handler list "), fakes::outText);
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"version", "-v", "--version"})
    void saysItsVersion(String line) {
        assertEquals(Commands.DONE, run(line));
        assertTrue(fakes.outText().matches("nbd-cli \\S+\n"), fakes::outText);
    }

    @Test
    void saysItsVersionInJson() {
        assertEquals(Commands.DONE, run("version --json"));
        assertTrue(JsonParser.parseString(fakes.outText()).getAsJsonObject().has("version"));
    }

    @Test
    void printsTheReasonOfARefusalAlone() {
        fakes.refuse("create", Errno.EEXIST, "a.img already exists!");
        assertEquals(Commands.FAILED, run("file create a.img size 1G"));
        assertEquals("nbd-cli: a.img already exists!\n", fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void refusesUnusableNames() {
        assertEquals(Commands.FAILED, fakes.run("file", "unmap", ";sas=x"));
        assertEquals("nbd-cli: the name of the backstore is empty\n", fakes.errText());
        assertEquals(List.of(), fakes.calls);
    }

    @Test
    void showsProgressOnATerminalOnly() {
        run("file create a.img prealloc size 1G");
        assertEquals("", fakes.errText());
        fakes.terminal = true;
        run("file create a.img prealloc size 1G");
        assertEquals("\r50 % of 1G \r100 % of 1G \n", fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void tellsOfOneBackstore() {
        fakes.backstores.add(Fakes.backstore("file", "a.img", BackstoreState.MAPPED, "/dev/nbd0", 1 << 30));
        assertEquals(Commands.DONE, run("info a.img"));
        assertEquals("""
                handler: file
                backstore: a.img
                state: mapped
                device: /dev/nbd0
                mapped_since: 2026-01-02 03:04:05
                size: 1073741824
                block_size: 512
                timeout: 30
                readonly: false
                prealloc: false
                """, fakes.outText());
    }

    @Test
    void tellsOfOneBackstoreByItsKeyAlone() {
        fakes.backstores.add(Fakes.backstore("azblk", "h/c/b", BackstoreState.CREATED, "", 512));
        assertEquals(Commands.DONE, run("azblk info h/c/b;sas=secret --json"));
        JsonObject info = JsonParser.parseString(fakes.outText()).getAsJsonObject();
        assertEquals("h/c/b", info.get("backstore").getAsString());
        assertEquals(512, info.get("size").getAsLong());
    }

    @Test
    void saysThatThereIsNoSuchBackstore() {
        assertEquals(Commands.FAILED, run("info b.img --json"));
        assertEquals("nbd-cli: there is no backstore b.img\n", fakes.errText());
        assertEquals("", fakes.outText());
    }
}
