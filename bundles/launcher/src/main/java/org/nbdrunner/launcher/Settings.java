package org.nbdrunner.launcher;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The runner's own settings, which are also the properties of the framework: what {@code conf/nbd-runner.properties} says, unless a
 * system property of that name says otherwise; over both, the options of the command line.
 */
final class Settings {
    static final String HOME = "nbd.home";
    static final String DATA = "nbd.data";

    /** System property: whether the start script found a terminal. */
    private static final String CONSOLE = "nbd.console";

    private static final String PREFIX = "nbd.";
    private static final String FEATURES = "nbd.features";
    private static final String START_TIMEOUT = "nbd.start.timeout";
    private static final String STOP_TIMEOUT = "nbd.stop.timeout";
    private static final Set<String> KNOWN = new TreeSet<>(
            Set.of(FEATURES, START_TIMEOUT, STOP_TIMEOUT, "nbd.threads", "nbd.rhost", "nbd.ihost", "nbd.ghost"));

    /** The start level of bundles that File Install finds in {@code deploy/}. */
    private static final String DEPLOY_START_LEVEL = "felix.fileinstall.start.level";

    private final Map<String, String> properties;
    private final List<String> features;
    private final Duration startTimeout;
    private final Duration stopTimeout;

    private Settings(Map<String, String> properties) throws StartException {
        this.properties = properties;
        this.features = Arrays.stream(properties.getOrDefault(FEATURES, "").split(","))
                .map(String::strip)
                .filter(name -> !name.isEmpty())
                .distinct()
                .toList();
        if (features.isEmpty()) {
            throw new StartException(
                    FEATURES + " in conf/nbd-runner.properties names no feature: core at least is needed");
        }
        this.startTimeout = Duration.ofSeconds(number(START_TIMEOUT, 30));
        this.stopTimeout = Duration.ofSeconds(number(STOP_TIMEOUT, 20));
        number(DEPLOY_START_LEVEL, 1);
    }

    /**
     * Reads the settings.
     *
     * @param layout where they are
     * @param options properties from the command line
     * @return the settings
     * @throws StartException if the file is missing or has an unknown key
     */
    static Settings load(Layout layout, Map<String, String> options) throws StartException {
        Map<String, String> given = new TreeMap<>(options);
        given.put(HOME, layout.home().toString());
        given.put(DATA, layout.data().toString());

        Substitution substitution = new Substitution(given);
        Map<String, String> properties = new TreeMap<>();
        for (Map.Entry<String, String> entry :
                PropertiesFile.read(layout.properties(), layout).entrySet()) {
            String key = entry.getKey();
            if (key.startsWith(PREFIX) && !KNOWN.contains(key)) {
                throw new StartException("conf/nbd-runner.properties: unknown key " + key + " (known are "
                        + String.join(", ", KNOWN) + ")");
            }
            properties.put(key, substitution.apply(System.getProperty(key, entry.getValue())));
        }
        properties.putAll(given);
        return new Settings(properties);
    }

    private long number(String key, long otherwise) throws StartException {
        String value = properties.get(key);
        if (value == null) {
            return otherwise;
        }
        try {
            long number = Long.parseLong(value.strip());
            if (number > 0 && number <= Integer.MAX_VALUE) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Refused below, like a number out of bounds.
        }
        throw new StartException("conf/nbd-runner.properties: " + key + " must be a positive number, not " + value);
    }

    /**
     * All of them.
     *
     * @return by key
     */
    Map<String, String> properties() {
        return Map.copyOf(properties);
    }

    /**
     * The features to start.
     *
     * @return their names, in the order given
     */
    List<String> features() {
        return features;
    }

    /**
     * How long the start may take.
     *
     * @return positive
     */
    Duration startTimeout() {
        return startTimeout;
    }

    /**
     * How long a clean stop may take.
     *
     * @return positive
     */
    Duration stopTimeout() {
        return stopTimeout;
    }

    /**
     * Whether there is a terminal for the shell.
     *
     * @return what the start script found
     */
    boolean console() {
        return Boolean.parseBoolean(System.getProperty(CONSOLE));
    }
}
