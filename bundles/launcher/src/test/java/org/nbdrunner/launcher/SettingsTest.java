package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    private Path directory;

    private Home home;

    @BeforeEach
    void makeHome() throws Exception {
        home = new Home(directory);
    }

    private Settings load(String text) throws Exception {
        return Settings.load(home.properties(text).layout, Map.of("nbd.threads", "4"));
    }

    private String complaint(String text) {
        return assertThrows(StartException.class, () -> load(text)).getMessage();
    }

    @Test
    void optionsGoBeforeTheFile() throws Exception {
        Settings settings = load("""
                nbd.features = core, shell ,core,
                nbd.threads = 2
                x = ${nbd.data}/x
                felix.fileinstall.start.level = 10
                nbd.start.timeout = 5
                """);
        assertEquals(List.of("core", "shell"), settings.features());
        assertEquals(Duration.ofSeconds(5), settings.startTimeout());
        assertEquals(Duration.ofSeconds(20), settings.stopTimeout());
        Map<String, String> properties = settings.properties();
        assertEquals("4", properties.get("nbd.threads"));
        assertEquals(directory.resolve("data/x").toString(), properties.get("x"));
        assertEquals(directory.toString(), properties.get("nbd.home"));
        assertFalse(settings.console());
    }

    @Test
    void systemPropertiesGoBeforeTheFile() throws Exception {
        System.setProperty("settings.test", "${nbd.threads} threads");
        try {
            assertEquals(
                    "4 threads",
                    load("nbd.features=core\nsettings.test=none").properties().get("settings.test"));
        } finally {
            System.clearProperty("settings.test");
        }
    }

    @Test
    void unknownKeysOfOursAreRefused() {
        String message = complaint("nbd.features=core\nnbd.feature=shell");
        assertTrue(message.startsWith("conf/nbd-runner.properties: unknown key nbd.feature (known are "), message);
        assertTrue(message.contains("nbd.features"), message);
    }

    @Test
    void badValuesAreRefused() {
        assertEquals(
                "conf/nbd-runner.properties: nbd.stop.timeout must be a positive number, not soon",
                complaint("nbd.features=core\nnbd.stop.timeout=soon"));
        assertEquals(
                "conf/nbd-runner.properties: felix.fileinstall.start.level must be a positive number, not 0",
                complaint("nbd.features=core\nfelix.fileinstall.start.level=0"));
        assertTrue(complaint("nbd.features = ,").contains("names no feature"));
        assertTrue(complaint("x=\\u12").startsWith("cannot read conf/nbd-runner.properties: "));
    }

    @Test
    void filesThatCannotBeRead() throws Exception {
        Files.write(home.layout.properties(), "x=\u00e4".getBytes(StandardCharsets.ISO_8859_1));
        assertEquals(
                "conf/nbd-runner.properties is not UTF-8 text",
                assertThrows(StartException.class, () -> Settings.load(home.layout, Map.of()))
                        .getMessage());
        Files.delete(home.layout.properties());
        assertEquals(
                "conf/nbd-runner.properties is missing",
                assertThrows(StartException.class, () -> Settings.load(home.layout, Map.of()))
                        .getMessage());
    }
}
