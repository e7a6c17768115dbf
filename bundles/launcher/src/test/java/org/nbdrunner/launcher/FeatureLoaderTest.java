package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.launcher.feature.Feature;
import org.nbdrunner.launcher.feature.FeatureReader;

class FeatureLoaderTest {
    @TempDir
    private Path directory;

    private Home home;
    private FeatureLoader loader;

    @BeforeEach
    void makeHome() throws Exception {
        home = new Home(directory);
        home.feature("core", "{\"id\": \"g:a:1\", \"bundles\": [{\"id\": \"g:b:1\"}]}");
        loader = new FeatureLoader(home.layout, new FeatureReader(name -> null));
    }

    private String complaint(String name) {
        return assertThrows(StartException.class, () -> loader.load(List.of(name)))
                .getMessage();
    }

    @Test
    void loads() throws Exception {
        Home.jar(home.layout.system().resolve("b-1.jar"), "b", "1");
        List<Feature> features = loader.load(List.of("core"));
        assertEquals(List.of("core"), features.stream().map(Feature::name).toList());
    }

    @Test
    void namesAMissingBundle() {
        assertTrue(complaint("core").startsWith("system/b-1.jar is missing, feature \"core\" needs it"));
    }

    @Test
    void namesAnUnknownFeatureAndThoseThereAre() {
        assertEquals("unknown feature \"shel\" in conf/nbd-runner.properties (features/ has core)", complaint("shel"));
    }

    @Test
    void namesABadFile() throws Exception {
        home.feature("bad", "{\"id\": 1");
        String message = complaint("bad");
        assertTrue(message.startsWith("features/bad.json: not valid JSON: "), message);
        assertEquals(1, message.lines().count());
    }
}
