package org.nbdrunner.launcher.feature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureChoiceTest {
    private static final List<String> CONFIGURED = List.of("core", "handler-a");

    @TempDir
    private Path data;

    private List<String> chosen() throws IOException {
        return FeatureChoice.read(data).apply(CONFIGURED);
    }

    @Test
    void withoutAChoiceTheConfigurationHolds() throws IOException {
        assertEquals(CONFIGURED, chosen());
        assertFalse(Files.exists(data.resolve(FeatureChoice.FILE)));
    }

    @Test
    void whatIsAddedAndRemovedHoldsAfterARestart() throws IOException {
        FeatureChoice.read(data).add("handler-b");
        FeatureChoice.read(data).add("handler-c");
        assertEquals(List.of("core", "handler-a", "handler-b", "handler-c"), chosen());
        FeatureChoice.read(data).remove("handler-b");
        FeatureChoice.read(data).remove("handler-a");
        assertEquals(List.of("core", "handler-c"), chosen());
        FeatureChoice.read(data).add("handler-a");
        assertEquals(
                List.of("core", "handler-a", "handler-c"),
                chosen().stream().sorted().toList());
    }

    @Test
    void whatIsConfiguredAndAddedIsThereOnce() throws IOException {
        FeatureChoice.read(data).add("handler-a");
        assertEquals(CONFIGURED, chosen());
    }

    @Test
    void aBrokenFileIsNamed() throws IOException {
        Files.writeString(data.resolve(FeatureChoice.FILE), "added = \\u00zz");
        IOException e = assertThrows(IOException.class, this::chosen);
        assertTrue(e.getMessage().contains(FeatureChoice.FILE), e::getMessage);
    }
}
