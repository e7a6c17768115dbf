package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nbdrunner.launcher.feature.Feature;
import org.nbdrunner.launcher.feature.FeatureReader;

/** Loads the features that the settings name, and sees to it that their bundles are there. */
final class FeatureLoader {
    private static final String SUFFIX = ".json";

    private final Layout layout;
    private final FeatureReader reader;

    FeatureLoader(Layout layout, FeatureReader reader) {
        this.layout = layout;
        this.reader = reader;
    }

    /**
     * Loads features.
     *
     * @param names their names
     * @return in the same order
     * @throws StartException if one is unknown or bad, or a bundle of it is not in {@code system/}
     * @throws IOException if a directory cannot be read
     */
    List<Feature> load(List<String> names) throws StartException, IOException {
        List<Feature> features = new ArrayList<>();
        for (String name : names) {
            features.add(load(name));
        }
        return List.copyOf(features);
    }

    private Feature load(String name) throws StartException, IOException {
        Path file = layout.features().resolve(name + SUFFIX);
        if (!Files.isRegularFile(file)) {
            throw new StartException("unknown feature \"" + name + "\" in conf/nbd-runner.properties (features/ has "
                    + String.join(", ", available()) + ")");
        }
        Feature feature;
        try {
            feature = reader.read(file);
        } catch (IllegalArgumentException e) {
            throw new StartException(layout.display(file) + ": " + e.getMessage(), e);
        } catch (IOException e) {
            throw new StartException("cannot read " + layout.display(file) + ": " + Failures.line(e), e);
        }
        for (Feature.Entry bundle : feature.bundles()) {
            Path jar = layout.system().resolve(bundle.artifact().fileName());
            if (!Files.isRegularFile(jar)) {
                throw new StartException(layout.display(jar) + " is missing, feature \"" + name
                        + "\" needs it: unpack the distribution again");
            }
        }
        return feature;
    }

    private List<String> available() throws IOException {
        try (Stream<Path> files = Files.list(layout.features())) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(SUFFIX))
                    .map(name -> name.substring(0, name.length() - SUFFIX.length()))
                    .sorted()
                    .collect(Collectors.toList());
        }
    }
}
