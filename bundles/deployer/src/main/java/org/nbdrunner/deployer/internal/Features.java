package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.launcher.feature.Feature;
import org.nbdrunner.launcher.feature.FeatureChoice;
import org.nbdrunner.launcher.feature.FeatureDefaults;
import org.nbdrunner.launcher.feature.FeatureReader;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.service.cm.ConfigurationAdmin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The features of the distribution. For one thread at a time. */
final class Features {
    private static final Logger LOG = LoggerFactory.getLogger(Features.class);
    private static final String CONFIGURED = "nbd.features";
    private static final String PREFIX = "handler-";
    private static final String SUFFIX = ".json";

    private final BundleContext context;
    private final ConfigurationAdmin configurations;
    private final Path home;
    private final Path data;
    private final FeatureReader reader;

    Features(BundleContext context, ConfigurationAdmin configurations, Settings settings) {
        this.context = context;
        this.configurations = configurations;
        this.home = settings.home();
        this.data = settings.data();
        this.reader = new FeatureReader(context::getProperty);
    }

    /** Finds the feature of a handler. */
    Feature find(String name) throws ControlException {
        String full = name.startsWith(PREFIX) ? name : PREFIX + name;
        List<String> shipped = handlers();
        if (!shipped.contains(full)) {
            throw new ControlException(
                    Errno.ENOENT,
                    "there is no feature " + full + "; features/ has "
                            + (shipped.isEmpty() ? "none of a handler" : String.join(", ", shipped)));
        }
        return read(full);
    }

    /** The handler that it is the feature of. */
    static String handler(Feature feature) {
        return feature.name().substring(PREFIX.length());
    }

    private List<String> handlers() throws ControlException {
        try (Stream<Path> files = Files.list(home.resolve("features"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.startsWith(PREFIX) && file.endsWith(SUFFIX))
                    .map(file -> file.substring(0, file.length() - SUFFIX.length()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new ControlException(Errno.of(e), "features/ cannot be read: " + Errno.describe(e), e);
        }
    }

    private Feature read(String name) throws ControlException {
        try {
            return reader.read(home.resolve("features").resolve(name + SUFFIX));
        } catch (IOException e) {
            throw new ControlException(Errno.of(e), "feature " + name + " cannot be read: " + Errno.describe(e), e);
        } catch (IllegalArgumentException e) {
            throw new ControlException(Errno.EINVAL, "features/" + name + SUFFIX + ": " + e.getMessage(), e);
        }
    }

    /** Whether all its bundles are installed. */
    boolean isInstalled(Feature feature) {
        return feature.bundles().stream().allMatch(e -> context.getBundle(location(e)) != null);
    }

    private Path jar(Feature.Entry entry) {
        return home.resolve("system").resolve(entry.artifact().fileName());
    }

    private String location(Feature.Entry entry) {
        return jar(entry).toUri().toString();
    }

    /** Installs and starts those of its bundles that are not there, with the configurations that it brings along. */
    List<Bundle> install(Feature feature) throws ControlException {
        for (Feature.Entry entry : feature.bundles()) {
            if (!Files.isRegularFile(jar(entry))) {
                throw new ControlException(
                        Errno.ENOENT,
                        "system/" + entry.artifact().fileName() + " is missing, feature " + feature.name()
                                + " needs it: unpack the distribution again");
            }
        }
        List<Bundle> installed = new ArrayList<>();
        boolean done = false;
        try {
            FeatureDefaults.provide(List.of(feature), home.resolve("conf"), configurations);
            for (Feature.Entry entry : feature.bundles()) {
                if (context.getBundle(location(entry)) == null) {
                    Bundle bundle = context.installBundle(location(entry));
                    installed.add(bundle);
                    if (entry.startLevel() > 0) {
                        bundle.adapt(BundleStartLevel.class).setStartLevel(entry.startLevel());
                    }
                }
            }
            for (Bundle bundle : installed) {
                if (bundle.getHeaders("").get(Constants.FRAGMENT_HOST) == null) {
                    bundle.start(Bundle.START_ACTIVATION_POLICY);
                }
            }
            done = true;
            return installed;
        } catch (BundleException e) {
            throw new ControlException(
                    Errno.EIO, "feature " + feature.name() + " does not start: " + Errno.describe(e), e);
        } catch (IOException e) {
            throw new ControlException(
                    Errno.of(e), "feature " + feature.name() + " cannot be configured: " + Errno.describe(e), e);
        } finally {
            if (!done) {
                uninstall(installed);
            }
        }
    }

    /** Uninstalls a bundle, unless another does it at the same time: File Install does when its file is gone. */
    static void uninstall(Bundle bundle) throws BundleException {
        try {
            if (bundle.getState() != Bundle.UNINSTALLED) {
                bundle.uninstall();
            }
        } catch (IllegalStateException e) {
            // It is also what is thrown for a bundle that is just starting or stopping.
            if (bundle.getState() != Bundle.UNINSTALLED) {
                throw new BundleException(e.getMessage(), e);
            }
        }
    }

    void uninstall(List<Bundle> bundles) {
        for (Bundle bundle : bundles) {
            try {
                uninstall(bundle);
            } catch (BundleException e) {
                LOG.error("Bundle {} cannot be uninstalled", Guard.display(bundle), e);
            }
        }
    }

    /** The running feature of a handler that a bundle belongs to. */
    Optional<Feature> featureOf(Bundle bundle) throws ControlException {
        for (String name : running()) {
            if (name.startsWith(PREFIX) && handlers().contains(name)) {
                Feature feature = read(name);
                if (feature.bundles().stream().anyMatch(e -> location(e).equals(bundle.getLocation()))) {
                    return Optional.of(feature);
                }
            }
        }
        return Optional.empty();
    }

    /** Its bundles that no other running feature has. */
    List<Bundle> bundlesOfAlone(Feature feature) throws ControlException {
        Set<String> needed = new HashSet<>();
        for (String name : running()) {
            if (!name.equals(feature.name())) {
                read(name).bundles().forEach(e -> needed.add(location(e)));
            }
        }
        List<Bundle> alone = new ArrayList<>();
        for (Feature.Entry entry : feature.bundles()) {
            Bundle bundle = context.getBundle(location(entry));
            if (bundle != null && !needed.contains(bundle.getLocation())) {
                alone.add(0, bundle);
            }
        }
        return alone;
    }

    private List<String> running() throws ControlException {
        String configured = context.getProperty(CONFIGURED);
        List<String> names = Arrays.stream((configured == null ? "" : configured).split(","))
                .map(String::strip)
                .filter(n -> !n.isEmpty())
                .toList();
        try {
            return FeatureChoice.read(data).apply(names);
        } catch (IOException e) {
            throw new ControlException(Errno.of(e), Errno.describe(e), e);
        }
    }

    /** From now on it starts with nbd-runner, or does not. */
    void remember(Feature feature, boolean wanted) throws ControlException {
        try {
            FeatureChoice choice = FeatureChoice.read(data);
            if (wanted) {
                choice.add(feature.name());
            } else {
                choice.remove(feature.name());
            }
        } catch (IOException | UncheckedIOException e) {
            throw new ControlException(
                    Errno.EIO,
                    "done, but it will not hold after a restart: " + data.resolve(FeatureChoice.FILE) + ": "
                            + Errno.describe(e),
                    e);
        }
    }
}
