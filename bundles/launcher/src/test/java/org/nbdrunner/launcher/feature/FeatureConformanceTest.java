package org.nbdrunner.launcher.feature;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.felix.feature.impl.FeatureServiceImpl;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.service.feature.FeatureBundle;
import org.osgi.service.feature.FeatureConfiguration;
import org.osgi.service.feature.ID;

/** Our feature files mean the same to Felix's feature service. */
class FeatureConformanceTest {

    static List<Path> files() throws Exception {
        try (Stream<Path> files = Files.list(Path.of("../../features/src/main/features"))) {
            return files.toList();
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void meansTheSame(Path file) throws Exception {
        // What the directory for state is, nobody need know here: both readers shall see the reference to it.
        Feature ours = new FeatureReader(Map.of("nbd.data", "${nbd.data}")::get).read(file);
        org.osgi.service.feature.Feature theirs;
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            theirs = new FeatureServiceImpl().readFeature(reader);
        }

        ID id = theirs.getID();
        assertEquals("osgifeature", id.getType().orElseThrow());
        assertEquals(ours.name(), id.getClassifier().orElseThrow());
        assertEquals(
                theirs.getBundles().stream().map(FeatureConformanceTest::text).toList(),
                ours.bundles().stream().map(FeatureConformanceTest::text).toList());
        assertEquals(
                theirs.getConfigurations().entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, entry -> values(entry.getValue()))),
                ours.configurations());
    }

    private static String text(FeatureBundle bundle) {
        ID id = bundle.getID();
        return id.getGroupId() + ":" + id.getArtifactId() + ":" + id.getVersion() + " at "
                + bundle.getMetadata().get("bundleStartLevel");
    }

    private static String text(Feature.Entry entry) {
        Feature.Artifact artifact = entry.artifact();
        return artifact.groupId() + ":" + artifact.artifactId() + ":" + artifact.version() + " at "
                + entry.startLevel();
    }

    private static Map<String, Object> values(FeatureConfiguration configuration) {
        return configuration.getValues();
    }
}
