package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.nbdrunner.launcher.feature.Feature;
import org.nbdrunner.launcher.feature.FeatureChoice;
import org.nbdrunner.launcher.feature.FeatureReader;

/** One run, from the settings to the stop. */
final class Runner {
    /** One above the level that the framework begins with: the shell starts last, and on a terminal only. */
    private static final int SHELL_START_LEVEL = 60;

    private final Layout layout;
    private final Settings settings;
    private final String version;

    Runner(Layout layout, Settings settings, String version) {
        this.layout = layout;
        this.settings = settings;
        this.version = version;
    }

    /**
     * Starts everything, says so, and returns when it has stopped again.
     *
     * @param ending told of the container, so that a signal can stop it
     * @return what is to be said of the stop, empty if nothing is
     * @throws StartException if something does not start; what did has been stopped
     * @throws IOException if a directory of the distribution cannot be read
     * @throws InterruptedException if the thread was interrupted
     */
    String run(Ending ending) throws StartException, IOException, InterruptedException {
        List<Feature> features = new FeatureLoader(layout, new FeatureReader(settings.properties()::get))
                .load(FeatureChoice.read(layout.data()).apply(settings.features()));
        Map<String, Metatype> metatypes =
                new MetatypeReader().add(layout.system()).add(layout.deploy()).metatypes();
        new ConfigurationCheck(metatypes, new Substitution(settings.properties()), layout).run();

        DataDirectory data = DataDirectory.lock(layout.data());
        try {
            return run(Container.create(settings), features, metatypes, ending);
        } finally {
            data.close();
        }
    }

    private String run(Container container, List<Feature> features, Map<String, Metatype> metatypes, Ending ending)
            throws StartException, IOException, InterruptedException {
        ending.watch(container);
        try {
            Components components = start(container, features, metatypes);
            Notice.keepHandlers();
            if (!ending.isDecided()) {
                Notice.give(new Announcement(components, container.context()).line(version));
                if (settings.console()) {
                    container.raise(SHELL_START_LEVEL);
                }
            }
            container.awaitStop();
            return container.unclean();
        } finally {
            container.stop(settings.stopTimeout());
        }
    }

    private Components start(Container container, List<Feature> features, Map<String, Metatype> metatypes)
            throws StartException, IOException, InterruptedException {
        new DefaultConfigurations(features, layout).provideTo(container.context());
        container.install(features, layout);
        container.start(DeployPrecedence.establish(layout.deploy(), container.context()));
        Components components =
                new Components(container.context(), container.bundles(), unconfigured(features, metatypes));
        components.await(settings.startTimeout());
        return components;
    }

    /** Which PIDs nobody configures: neither a file in conf/ nor a feature does, and they are not those of factories. */
    private Predicate<String> unconfigured(List<Feature> features, Map<String, Metatype> metatypes) {
        Set<String> configured = new HashSet<>();
        features.forEach(feature -> configured.addAll(feature.configurations().keySet()));
        metatypes.forEach((pid, metatype) -> {
            if (metatype.factory()) {
                configured.add(pid);
            }
        });
        return pid -> !configured.contains(pid) && !Files.exists(layout.conf().resolve(pid + ".cfg"));
    }
}
