package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Checks the files {@code conf/PID.cfg} before anything starts: Config Admin would pass a misspelt key on, and nobody would hear of it.
 */
final class ConfigurationCheck {
    private static final String SUFFIX = ".cfg";
    private static final char FACTORY_SEPARATOR = '-';

    private final Map<String, Metatype> metatypes;
    private final Substitution substitution;
    private final Layout layout;

    /**
     * A check.
     *
     * @param metatypes what the bundles know
     * @param substitution how values are expanded
     * @param layout where the files are
     */
    ConfigurationCheck(Map<String, Metatype> metatypes, Substitution substitution, Layout layout) {
        this.metatypes = metatypes;
        this.substitution = substitution;
        this.layout = layout;
    }

    /**
     * Checks all files.
     *
     * @throws StartException on the first file, key or value that no bundle knows
     * @throws IOException if the directory cannot be read
     */
    void run() throws StartException, IOException {
        List<Path> files;
        try (Stream<Path> listing = Files.list(layout.conf())) {
            files = listing.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            check(file);
        }
    }

    private void check(Path file) throws StartException {
        String name = file.getFileName().toString();
        String pid = name.substring(0, name.length() - SUFFIX.length());
        int separator = pid.indexOf(FACTORY_SEPARATOR);
        boolean factory = separator > 0;
        Metatype metatype = metatypes.get(factory ? pid.substring(0, separator) : pid);
        if (metatype == null || metatype.factory() != factory) {
            throw new StartException(layout.display(file)
                    + ": no bundle in system/ or deploy/ has such a configuration (known are "
                    + String.join(", ", known()) + ")");
        }
        for (Map.Entry<String, String> entry : PropertiesFile.read(file, layout).entrySet()) {
            check(file, metatype, entry.getKey(), entry.getValue());
        }
    }

    private void check(Path file, Metatype metatype, String key, String raw) throws StartException {
        Metatype.Attribute attribute = metatype.attributes().get(key);
        if (attribute == null) {
            if (isComponentProperty(key)) {
                return;
            }
            throw new StartException(layout.display(file) + ": unknown key " + key + " (known are "
                    + String.join(", ", new TreeSet<>(metatype.attributes().keySet())) + ")");
        }
        String value = substitution.apply(raw);
        String complaint = attribute.complaint(value);
        if (!complaint.isEmpty()) {
            throw new StartException(
                    layout.display(file) + ": " + key + " must be " + complaint + ", not \"" + value + "\"");
        }
    }

    /** Keys that every declarative-services component understands, for its references. */
    private static boolean isComponentProperty(String key) {
        return key.endsWith(".target") || key.endsWith(".cardinality.minimum");
    }

    private List<String> known() {
        return metatypes.entrySet().stream()
                .map(entry -> entry.getKey() + (entry.getValue().factory() ? FACTORY_SEPARATOR + "NAME" : "") + SUFFIX)
                .toList();
    }
}
