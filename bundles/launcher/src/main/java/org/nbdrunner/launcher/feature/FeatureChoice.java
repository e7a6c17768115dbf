package org.nbdrunner.launcher.feature;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;

/**
 * Which features were added and removed by command, beyond what {@code conf/} says: kept in a file with the state, so that it holds
 * after a restart. For one thread at a time.
 */
public final class FeatureChoice {
    /** The file's name, in the directory for state. */
    public static final String FILE = "features.properties";

    private static final String ADDED = "added";
    private static final String REMOVED = "removed";

    private final Path file;
    private final Set<String> added;
    private final Set<String> removed;

    private FeatureChoice(Path file, Properties properties) {
        this.file = file;
        this.added = names(properties.getProperty(ADDED, ""));
        this.removed = names(properties.getProperty(REMOVED, ""));
    }

    private static Set<String> names(String text) {
        Set<String> names = new LinkedHashSet<>(Arrays.asList(text.strip().split("\\s*,\\s*")));
        names.remove("");
        return names;
    }

    /**
     * Reads what was chosen.
     *
     * @param data the directory for state
     * @return nothing chosen if there is no file
     * @throws IOException if the file cannot be read
     */
    public static FeatureChoice read(Path data) throws IOException {
        Path file = data.resolve(FILE);
        Properties properties = new Properties();
        if (Files.exists(file)) {
            try (InputStream in = Files.newInputStream(file)) {
                properties.load(in);
            } catch (IllegalArgumentException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            }
        }
        return new FeatureChoice(file, properties);
    }

    /**
     * What is to start.
     *
     * @param configured the features that {@code conf/} names
     * @return those that were not removed, then those that were added
     */
    public List<String> apply(List<String> configured) {
        Set<String> names = new LinkedHashSet<>(configured);
        names.removeAll(removed);
        names.addAll(added);
        return List.copyOf(names);
    }

    /**
     * Adds a feature for good.
     *
     * @param name the feature
     * @throws IOException if that cannot be stored
     */
    public void add(String name) throws IOException {
        removed.remove(name);
        added.add(name);
        store();
    }

    /**
     * Removes a feature for good.
     *
     * @param name the feature
     * @throws IOException if that cannot be stored
     */
    public void remove(String name) throws IOException {
        added.remove(name);
        removed.add(name);
        store();
    }

    private void store() throws IOException {
        Properties properties = new Properties();
        properties.setProperty(ADDED, String.join(", ", added));
        properties.setProperty(REMOVED, String.join(", ", removed));
        Path part = file.resolveSibling(FILE + ".part");
        try (OutputStream out = Files.newOutputStream(part)) {
            properties.store(
                    out, "Features that were added and removed by command; conf/nbd-runner.properties has the others.");
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
