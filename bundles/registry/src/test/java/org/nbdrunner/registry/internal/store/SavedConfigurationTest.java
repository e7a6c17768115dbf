package org.nbdrunner.registry.internal.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

class SavedConfigurationTest {
    /** As the C project writes it, with members that mean nothing here, on both levels. */
    private static final String FOREIGN = """
            {
              "version":{
                "major":1.50
              },
              "acc.blob.core\\/c\\/disk":{
                "type":2,
                "nbd":"\\/dev\\/nbd3",
                "maptime":"2026-01-02 03:04:05",
                "size":67108864,
                "blksize":4096,
                "timeout":30,
                "readonly":true,
                "prealloc":false,
                "sas":"sv=2019&sig=a\\/b",
                "http":1,
                "colour":null,
                "status":"dead",
                "tail":[
                  1,
                  "é"
                ]
              },
              "last":"word"
            }""";

    private static final String VALID = """
            {"a":{"type":1000,"nbd":"","maptime":"","size":512,"blksize":512,"timeout":0,"readonly":false,\
            "prealloc":false,"status":"created"}}""";

    @TempDir
    Path directory;

    private Path file() {
        return directory.resolve("saveconfig.json");
    }

    private SavedConfiguration open() throws IOException {
        return SavedConfiguration.open(directory);
    }

    private void write(String text) throws IOException {
        Files.writeString(file(), text);
    }

    private String text() throws IOException {
        return Files.readString(file());
    }

    private static SavedBackstore backstore() {
        return SavedBackstore.create("dummy", 512, false);
    }

    @Test
    void noFileIsEmpty() throws IOException {
        try (SavedConfiguration c = open()) {
            assertEquals(Map.of(), c.found());
        }
        assertFalse(Files.exists(file()), "nothing was to be written");
    }

    @Test
    void whatIsNotKnownStaysWhereItIs() throws IOException {
        write(FOREIGN);
        try (SavedConfiguration c = open()) {
            assertEquals(Set.of("acc.blob.core/c/disk"), c.found().keySet());
            c.commit("new", backstore());
            c.commit("new", null);
        }
        assertEquals(FOREIGN, text());
    }

    @Test
    void changesLeaveTheRestOfABackstoreAlone() throws IOException {
        write(FOREIGN);
        try (SavedConfiguration c = open()) {
            SavedBackstore b = c.found().get("acc.blob.core/c/disk");
            c.commit(
                    "acc.blob.core/c/disk",
                    b.opened(67108864, 512, 5, false).mapped("/dev/nbd7", "2026-02-02 02:02:02"));
        }
        assertEquals(
                FOREIGN.replace("nbd3", "nbd7")
                        .replace("2026-01-02 03:04:05", "2026-02-02 02:02:02")
                        .replace("4096", "512")
                        .replace(":30", ":5")
                        .replace("true", "false")
                        .replace("dead", "mapped"),
                text());
    }

    @Test
    void optionsAreMembersBeforeTheStatus() throws IOException {
        Set<String> names = Set.of("sas", "lease", "http");
        write(FOREIGN);
        try (SavedConfiguration c = open()) {
            SavedBackstore b = c.found().get("acc.blob.core/c/disk");
            assertEquals(Map.of("sas", "sv=2019&sig=a/b", "http", ""), b.options(names));
            c.commit("acc.blob.core/c/disk", b.withOptions(names, Map.of("sas", "new", "lease", "l-1")));
        }
        assertEquals(
                FOREIGN.replace("sv=2019&sig=a\\/b", "new")
                        .replace("    \"http\":1,\n", "")
                        .replace("    \"status\"", "    \"lease\":\"l-1\",\n    \"status\""),
                text());
    }

    @Test
    void aSwitchedOffOptionIsNone() throws Exception {
        write(FOREIGN.replace("\"http\":1", "\"http\":0"));
        try (SavedConfiguration c = open()) {
            SavedBackstore b = c.found().get("acc.blob.core/c/disk");
            assertEquals(Map.of(), b.options(Set.of("http")));
            assertThrows(StorageException.class, () -> b.options(Set.of("tail")));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "mapped, /dev/nbd0, DEAD",
        "unmapping, /dev/nbd0, DEAD",
        "created, /dev/nbd0, DEAD",
        "mapping, '', CREATED",
        "mapped, '', CREATED",
        "nonsense, '', CREATED"
    })
    void aRestartKnowsDeadAndCreatedOnly(String status, String device, BackstoreState state) throws IOException {
        write(VALID.replace("created", status).replace("\"nbd\":\"\"", "\"nbd\":\"" + device + "\""));
        try (SavedConfiguration c = open()) {
            assertEquals(state, c.found().get("a").state());
            assertEquals(device, c.found().get("a").device());
        }
    }

    @Test
    void aHalfWrittenFileIsRefusedWhereverItEnds() throws IOException {
        for (int i = 0; i < FOREIGN.length(); i++) {
            assertRefused(FOREIGN.substring(0, i), "");
        }
        write(FOREIGN);
        open().close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " \n",
                "null",
                "[]",
                "\"a\"",
                "{}x",
                "{} {}",
                "{'a':1}",
                "{a:1}",
                "{\"a\":1,}",
                "// c\n{}",
                "{\"a\":01}",
                "{\"a\":1,\"a\":2}",
                "\u0000"
            })
    void whatIsNoObjectIsRefused(String text) throws IOException {
        assertRefused(text, "");
    }

    @Test
    void whatIsNotUtf8IsRefused() throws IOException {
        byte[] bytes = FOREIGN.getBytes(StandardCharsets.ISO_8859_1);
        Files.write(file(), bytes);
        IOException e = assertThrows(IOException.class, this::open);
        assertTrue(e.getMessage().contains("UTF-8"), e.getMessage());
        assertArrayEquals(bytes, Files.readAllBytes(file()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"type\":1000|\"type\":\"x\"|type",
                "\"type\":1000|\"type\":1.5|type",
                "\"type\":1000|\"type\":3000000000|type",
                "\"type\":1000,||type",
                "\"nbd\":\"\"|\"nbd\":0|nbd",
                "\"maptime\":\"\"|\"maptime\":null|maptime",
                "\"size\":512|\"size\":-512|size",
                "\"size\":512|\"size\":\"512\"|size",
                "\"size\":512|\"size\":1e99999|size",
                "\"size\":512|\"size\":9223372036854775808|size",
                "\"size\":512,||size",
                "\"blksize\":512|\"blksize\":[512]|blksize",
                "\"timeout\":0|\"timeout\":true|timeout",
                "\"readonly\":false|\"readonly\":0|readonly",
                "\"prealloc\":false|\"prealloc\":\"false\"|prealloc",
                "\"status\":\"created\"|\"status\":1|status"
            })
    void aMemberOfTheWrongTypeIsRefused(String from, String to, String member) throws IOException {
        String text = VALID.replace(from, to == null ? "" : to);
        assertRefused(text, "\"" + member + "\"");
        assertRefused(text, "backstore \"a\"");
    }

    @Test
    void aNameThatIsNoKeyIsRefused() throws IOException {
        assertRefused(VALID.replace("\"a\"", "\"a;b\""), "semicolon");
        assertRefused(VALID.replace("\"a\"", "\"\""), "backstore \"\"");
    }

    private void assertRefused(String text, String place) throws IOException {
        write(text);
        IOException e = assertThrows(IOException.class, this::open, text);
        assertTrue(e.getMessage().contains(file().toString()), e.getMessage());
        assertTrue(e.getMessage().contains(place), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
        assertEquals(text, text(), "it was touched");
    }

    @Test
    void whatCannotBeReadIsRefused() throws IOException {
        Files.createDirectory(file());
        IOException e = assertThrows(IOException.class, this::open);
        assertTrue(e.getMessage().startsWith(file() + " cannot be read"), e.getMessage());
    }

    @Test
    void aMissingDirectoryIsRefused() {
        Path missing = directory.resolve("none");
        IOException e = assertThrows(IOException.class, () -> SavedConfiguration.open(missing));
        assertTrue(e.getMessage().contains(missing.toString()), e.getMessage());
    }

    @Test
    void theFileIsPrivate() throws IOException {
        write("{}");
        Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-r--r--"));
        try (SavedConfiguration c = open()) {
            c.commit("a", backstore());
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
    }

    @Test
    void whatCannotBeWrittenHasNotChanged() throws IOException {
        write(VALID);
        try (SavedConfiguration c = open()) {
            c.commit("b", backstore());
            String before = text();
            obstruct();
            StorageException e = assertThrows(StorageException.class, () -> c.commit("a", null));
            assertTrue(e.getMessage().contains(file().toString()), e.getMessage());
            assertThrows(StorageException.class, () -> c.commit("c", backstore()));
            assertThrows(StorageException.class, () -> c.commit("b", backstore().mapped("/dev/nbd0", "")));
            assertEquals(before, text());
            assertTrue(c.has("a"));
            assertFalse(c.has("c"));
            clear();
            c.commit("d", backstore());
            c.commit("d", null);
            assertEquals(before, text(), "a change that had failed was written later");
        }
    }

    @Test
    void whatHasHappenedIsWrittenLater() throws IOException {
        try (SavedConfiguration c = open()) {
            c.commit("a", backstore());
            obstruct();
            c.note("a", backstore().mapped("/dev/nbd0", "").in(BackstoreState.DEAD));
            assertTrue(text().contains("created"));
            clear();
            c.commit("b", backstore());
            assertTrue(text().contains("dead"));
        }
    }

    /** Root may write anywhere, so a full directory stands where the next file is to be. */
    private void obstruct() throws IOException {
        Files.createDirectories(directory.resolve("saveconfig.json.tmp").resolve("full"));
    }

    private void clear() throws IOException {
        Files.delete(directory.resolve("saveconfig.json.tmp").resolve("full"));
        Files.delete(directory.resolve("saveconfig.json.tmp"));
    }

    @Test
    void anInterruptDoesNotSpoilAWrite() throws IOException {
        try (SavedConfiguration c = open()) {
            Thread.currentThread().interrupt();
            c.commit("a", backstore());
            assertTrue(Thread.interrupted(), "the interrupt was swallowed");
            c.commit("b", backstore());
        }
        try (SavedConfiguration c = open()) {
            assertEquals(Set.of("a", "b"), c.found().keySet());
        }
    }

    @Test
    void changesAtTheSameTimeAreAllWritten() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try (SavedConfiguration c = open()) {
            List<Callable<Void>> tasks = IntStream.range(0, 100)
                    .mapToObj(i -> (Callable<Void>) () -> {
                        c.commit("k" + i, backstore());
                        assertTrue(text().contains("\"k" + i + "\""), "acknowledged before it was written");
                        if (i % 2 == 1) {
                            c.commit("k" + i, null);
                            assertFalse(text().contains("\"k" + i + "\""), "acknowledged before it was written");
                        }
                        return null;
                    })
                    .toList();
            for (Future<Void> f : pool.invokeAll(tasks)) {
                f.get();
            }
        } finally {
            pool.shutdown();
        }
        try (SavedConfiguration c = open()) {
            assertEquals(50, c.found().size());
        }
    }

    @Test
    void nothingIsWrittenAfterTheEnd() throws IOException {
        SavedConfiguration c = open();
        c.commit("a", backstore());
        c.close();
        String before = text();
        assertThrows(StorageException.class, () -> c.commit("b", backstore()));
        assertDoesNotThrow(() -> c.note("a", backstore().in(BackstoreState.DEAD)));
        assertEquals(before, text());
    }

    @Test
    void aBackstoreRemembersNothingOfAMapping() throws IOException {
        SavedBackstore b = backstore()
                .opened(1024, 512, 9, true)
                .mapped("/dev/nbd0", "2026-02-02 02:02:02")
                .unmapped();
        assertEquals(BackstoreState.CREATED, b.state());
        assertEquals("", b.device() + b.mapTime());
        assertEquals(0, b.timeout());
        assertFalse(b.readOnly());
        assertEquals(1024, b.size());
        assertNull(b.options(Set.of("x")).get("x"));
        assertEquals(
                Errno.EINVAL,
                assertThrows(
                                StorageException.class,
                                () -> SavedBackstore.read(JsonText.parse("{\"type\":1,\"size\":1,\"o\":[]}"))
                                        .options(Set.of("o")))
                        .errno());
    }
}
