package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;

/** Each operation in each situation: what it comes to, and that a refusal changes nothing. */
class StatesTest {
    private static final String KEY = "vol0/disk0";

    /**
     * Upper case: refused with this error. Lower case: done, and this is the state afterwards; "none": there is no
     * backstore. "-": cannot be. A name with a plus has a legacy connection of the current epoch.
     */
    private static final String TABLE = """
            situation   |create |delete|premap |postmap|rollback |remap  |unmap    |open     |connect|end    |restart
            none        |created|ENOENT|ENOENT |ENOENT |ENOENT   |ENOENT |ENODEV   |ENOENT   |EINVAL |-      |none
            stray       |EEXIST |none  |mapping|ENOENT |ENOENT   |ENOENT |ENODEV   |ENOENT   |EINVAL |-      |none
            created     |EEXIST |none  |mapping|EINVAL |created  |EINVAL |ENODEV   |created  |EINVAL |-      |created
            mapping     |EEXIST |EBUSY |mapping|mapped |created  |mapped |ENODEV   |mapping  |mapping|-      |created
            mapping+    |EEXIST |EBUSY |EBUSY  |mapped |mapping  |mapped |ENODEV   |mapping  |mapping|mapping|created
            mappingback+|EEXIST |EBUSY |EBUSY  |mapped |mapping  |mapped |ENODEV   |mapping  |mapping|created|created
            mappingended|EEXIST |EBUSY |mapping|dead   |created  |dead   |ENODEV   |mapping  |mapping|-      |created
            mapped      |EEXIST |EBUSY |EBUSY  |mapped |mapped   |EINVAL |created  |mapped   |mapped |-      |dead
            mapped+     |EEXIST |EBUSY |EBUSY  |mapped |mapped   |EINVAL |unmapping|mapped   |mapped |dead   |dead
            dead        |EEXIST |EBUSY |dead   |EINVAL |dead     |EINVAL |created  |dead     |EINVAL |-      |dead
            restarted   |EEXIST |EBUSY |dead   |EINVAL |dead     |EINVAL |created  |dead     |EINVAL |-      |dead
            premapped   |EEXIST |EBUSY |dead   |mapped |dead     |mapped |created  |dead     |dead   |-      |dead
            premapped+  |EEXIST |EBUSY |EBUSY  |mapped |dead     |mapped |unmapping|dead     |dead   |dead   |dead
            rolledback  |EEXIST |EBUSY |dead   |EINVAL |dead     |EINVAL |created  |dead     |EINVAL |-      |dead
            unmapping+  |EEXIST |EBUSY |EBUSY  |EINVAL |unmapping|EINVAL |unmapping|unmapping|EINVAL |created|dead
            """;

    @TempDir
    Path directory;

    private OpenExport connection;

    static Stream<Arguments> table() {
        List<List<String>> rows = TABLE.lines()
                .map(line -> Arrays.stream(line.split("\\|")).map(String::strip).toList())
                .toList();
        List<String> operations = rows.get(0);
        return rows.stream()
                .skip(1)
                .flatMap(row -> IntStream.range(1, operations.size())
                        .filter(i -> !row.get(i).equals("-"))
                        .boxed()
                        .flatMap(i -> variants(operations.get(i)).map(o -> Arguments.of(row.get(0), o, row.get(i)))));
    }

    /** A mapping is ended by the backstore's name or by its device. */
    private static Stream<String> variants(String operation) {
        return operation.equals("unmap") ? Stream.of("unmap", "undev") : Stream.of(operation);
    }

    @ParameterizedTest(name = "{0}: {1} -> {2}")
    @MethodSource("table")
    void cell(String situation, String operation, String outcome) throws Exception {
        try (Fixture f = new Fixture(directory)) {
            bringAbout(f, situation);
            BackstoreInfo before = f.info(KEY);
            String text = text(f);
            if (outcome.equals(outcome.toUpperCase(Locale.ROOT))) {
                Fixture.refused(Errno.valueOf(outcome), () -> operate(f, operation));
                assertEquals(before, f.info(KEY));
                assertEquals(text, text(f));
                return;
            }
            operate(f, operation);
            BackstoreInfo after = f.info(KEY);
            assertEquals(outcome, after == null ? "none" : after.state().text());
            // A start only reads.
            boolean writes = !operation.equals("restart") && !Objects.equals(before, after);
            assertEquals(writes ? saved(after) : text, text(f));
        }
    }

    private static String text(Fixture f) throws Exception {
        return Files.exists(f.file()) ? f.text() : "";
    }

    private void bringAbout(Fixture f, String situation) throws Exception {
        Control control = f.control();
        if (situation.equals("none")) {
            return;
        }
        f.create(KEY);
        switch (situation) {
            case "stray" -> {
                // The record is lost between two runs.
                f.registry().close();
                Files.delete(f.file());
                f.start();
                f.registry().add(Fixture.HANDLER, f.handler, 0, 1, Fixture.ORIGIN);
            }
            case "created" -> {}
            case "mapping" -> premap(f);
            case "mapping+" -> {
                premap(f);
                connect(f);
            }
            case "mappingback+" -> {
                premap(f);
                connect(f);
                control.postmap(Fixture.HANDLER, KEY, "", "");
            }
            case "mappingended" -> {
                premap(f);
                connect(f);
                connection.close(false);
            }
            case "mapped" -> {
                premap(f);
                postmap(f);
            }
            case "mapped+" -> map(f);
            case "dead" -> {
                map(f);
                connection.close(false);
            }
            case "restarted" -> {
                map(f);
                f.restart();
            }
            case "premapped" -> {
                map(f);
                connection.close(false);
                premap(f);
            }
            case "premapped+" -> {
                map(f);
                connection.close(false);
                premap(f);
                connect(f);
            }
            case "rolledback" -> {
                map(f);
                connection.close(false);
                premap(f);
                control.postmap(Fixture.HANDLER, KEY, "", "");
            }
            case "unmapping+" -> {
                map(f);
                control.unmap(Fixture.HANDLER, KEY, "");
            }
            default -> throw new AssertionError(situation);
        }
    }

    private static void premap(Fixture f) throws Exception {
        f.control().premap(Fixture.HANDLER, KEY, false, 30);
    }

    private static void postmap(Fixture f) throws Exception {
        f.control().postmap(Fixture.HANDLER, KEY, Fixture.DEVICE, Fixture.TIME);
    }

    private void connect(Fixture f) throws Exception {
        connection = f.exports().openMapped(KEY, reason -> {});
    }

    private void map(Fixture f) throws Exception {
        premap(f);
        connect(f);
        postmap(f);
    }

    private void operate(Fixture f, String operation) throws Exception {
        Control control = f.control();
        Exports exports = f.exports();
        switch (operation) {
            case "create" -> control.create(Fixture.HANDLER, KEY, Fixture.SIZE, false, ProgressListener.NONE);
            case "delete" -> control.delete(Fixture.HANDLER, KEY);
            case "premap" -> {
                String device = control.premap(Fixture.HANDLER, KEY, true, 7).device();
                assertEquals(f.state(KEY) == BackstoreState.DEAD ? Fixture.DEVICE : "", device);
            }
            case "postmap" -> postmap(f);
            case "rollback" -> control.postmap(Fixture.HANDLER, KEY, "", "");
            case "remap" -> control.postmap(Fixture.HANDLER, KEY, "/dev/nbd9", Fixture.TIME);
            case "unmap" -> assertEquals(Fixture.DEVICE, control.unmap(Fixture.HANDLER, KEY, ""));
            case "undev" -> assertEquals(Fixture.DEVICE, control.unmap(Fixture.HANDLER, "", Fixture.DEVICE));
            case "open" ->
                exports.open(Fixture.HANDLER + "/" + KEY, reason -> {}).close(true);
            case "connect" -> exports.openMapped(KEY, reason -> {});
            case "end" -> connection.close(false);
            case "restart" -> f.restart();
            default -> throw new AssertionError(operation);
        }
    }

    /** What the file must hold for what is listed. */
    private static String saved(BackstoreInfo info) {
        return info == null
                ? "{}"
                : """
                {
                  "vol0\\/disk0":{
                    "type":1000,
                    "nbd":"%s",
                    "maptime":"%s",
                    "size":%d,
                    "blksize":%d,
                    "timeout":%d,
                    "readonly":%s,
                    "prealloc":false,
                    "status":"%s"
                  }
                }""".formatted(
                                info.device().replace("/", "\\/"),
                                info.mapTime(),
                                info.size(),
                                info.blockSize(),
                                info.timeout(),
                                info.readOnly(),
                                info.state().text());
    }
}
