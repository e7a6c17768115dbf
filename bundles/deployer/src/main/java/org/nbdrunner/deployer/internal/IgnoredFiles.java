package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nbdrunner.api.control.ControlException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells of files in {@code deploy/} that File Install passes over without a word. */
final class IgnoredFiles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IgnoredFiles.class);
    private static final long STEP_S = 1;
    private static final String JAR = ".jar";

    /** Names of what is hidden, still to come or done with, of configurations, and of what is there from the beginning. */
    private static final Pattern EXPECTED =
            Pattern.compile("\\..*|README\\.txt|.*(?:\\.part|\\.tmp|~|\\.cfg|" + Pattern.quote(Deploy.REJECTED) + ")");

    private final Path directory;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "deployer-look");
        thread.setDaemon(true);
        return thread;
    });

    /** What was there at the last look: fingerprints of jars, of other files only the name counts. */
    private Map<String, String> seen = Map.of();

    /** What was there at the last look and had not changed since the one before. */
    private Map<String, String> judged = new HashMap<>();

    IgnoredFiles(Path directory) {
        this.directory = directory;
    }

    /** Looks now and then. */
    @SuppressWarnings("FutureReturnValueIgnored") // it catches what goes wrong itself
    void start() {
        timer.scheduleWithFixedDelay(this::tell, 0, STEP_S, TimeUnit.SECONDS);
    }

    private void tell() {
        try {
            look().forEach(LOG::warn);
        } catch (IOException | RuntimeException e) {
            LOG.debug("{} cannot be looked through", directory, e);
        }
    }

    /** What is to be told of files that have not changed since the last look; of each once. */
    List<String> look() throws IOException {
        Map<String, String> present = new HashMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            files.filter(Files::isRegularFile)
                    .filter(file -> !EXPECTED.matcher(name(file)).matches())
                    .forEach(file -> present.put(name(file), name(file).endsWith(JAR) ? Deploy.fingerprint(file) : ""));
        }
        List<String> told = new ArrayList<>();
        Map<String, String> settled = new HashMap<>();
        present.forEach((name, state) -> {
            if (state.equals(seen.get(name))) {
                settled.put(name, state);
                String reason = state.equals(judged.get(name)) ? "" : reason(directory.resolve(name));
                if (!reason.isEmpty()) {
                    told.add(directory.resolve(name) + " is ignored: " + reason);
                }
            }
        });
        seen = present;
        judged = settled;
        return told;
    }

    private static String name(Path file) {
        return file.getFileName().toString();
    }

    private static String reason(Path file) {
        if (!name(file).endsWith(JAR)) {
            return "its name does not end in .jar; rename it if it is a handler's bundle, or else take it away";
        }
        try {
            BundleFile.headers(file);
            return "";
        } catch (ControlException e) {
            return e.getMessage() + "; put a handler's bundle in its place, or take it away";
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
