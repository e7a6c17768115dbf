package org.nbdrunner.launcher;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.Consumer;
import org.apache.felix.framework.FrameworkFactory;
import org.nbdrunner.launcher.feature.Feature;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.framework.startlevel.FrameworkStartLevel;

/** The OSGi framework with the features' bundles. */
final class Container {
    /** The property of the service that is told of backstores whose volumes are not closed as they should. */
    private static final String UNCLEAN = "nbd.unclean";

    private final Framework framework;
    private final List<Bundle> bundles = new ArrayList<>();
    private final Set<String> unclean = new ConcurrentSkipListSet<>();

    private Container(Framework framework) {
        this.framework = framework;
    }

    /**
     * Makes a framework that is ready to have bundles installed.
     *
     * @param settings its properties
     * @return the framework, not started
     * @throws StartException if it does not initialize
     */
    static Container create(Settings settings) throws StartException {
        Map<String, String> properties = new HashMap<>(settings.properties());
        properties.put(Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA, SharedPackages.exports());
        Framework framework = new FrameworkFactory().newFramework(properties);
        try {
            framework.init();
        } catch (BundleException e) {
            throw new StartException("the OSGi framework does not start: " + Failures.line(e), e);
        }
        Container container = new Container(framework);
        // Of a type that the launcher and the registry both know.
        container
                .context()
                .registerService(
                        Consumer.class, container::noteUnclean, FrameworkUtil.asDictionary(Map.of(UNCLEAN, true)));
        return container;
    }

    /** What happens while nbd-runner runs is for the log alone. */
    private void noteUnclean(Object backstore) {
        if (framework.getState() == Bundle.STOPPING) {
            unclean.add(String.valueOf(backstore));
        }
    }

    /**
     * What the stop has left behind.
     *
     * @return one line that names the backstores whose volumes could not be flushed or closed as they should; empty if there are none
     */
    String unclean() {
        return unclean.isEmpty()
                ? ""
                : "stopped, but could not flush or close " + String.join(", ", unclean)
                        + " properly, whose last writes may be lost; the log says why";
    }

    /**
     * The system bundle's context.
     *
     * @return valid until the container stops
     */
    BundleContext context() {
        return framework.getBundleContext();
    }

    /**
     * Installs the bundles of the features.
     *
     * @param features whose bundles
     * @param layout where the bundles are
     * @throws StartException if one cannot be installed
     */
    void install(List<Feature> features, Layout layout) throws StartException {
        for (Feature feature : features) {
            for (Feature.Entry entry : feature.bundles()) {
                install(layout.system().resolve(entry.artifact().fileName()), entry.startLevel(), layout);
            }
        }
    }

    private void install(Path jar, int startLevel, Layout layout) throws StartException {
        try {
            Bundle bundle = context().installBundle(jar.toUri().toString());
            if (startLevel > 0) {
                bundle.adapt(BundleStartLevel.class).setStartLevel(startLevel);
            }
            if (bundle.getHeaders().get(Constants.FRAGMENT_HOST) == null && !bundles.contains(bundle)) {
                bundle.start(Bundle.START_ACTIVATION_POLICY);
                bundles.add(bundle);
            }
        } catch (BundleException e) {
            throw new StartException(layout.display(jar) + " cannot be installed: " + Failures.line(e), e);
        }
    }

    /**
     * Starts the framework; returns when its start level is reached.
     *
     * @param precedence sets bundles aside, which need not have started then
     * @throws StartException if one of the features' bundles up to that level has not started
     */
    void start(DeployPrecedence precedence) throws StartException {
        try {
            framework.start();
        } catch (BundleException e) {
            throw new StartException("the OSGi framework does not start: " + Failures.line(e), e);
        }
        int reached = framework.adapt(FrameworkStartLevel.class).getStartLevel();
        for (Bundle bundle : bundles) {
            if (bundle.adapt(BundleStartLevel.class).getStartLevel() <= reached && !precedence.isAside(bundle)) {
                insist(bundle);
            }
        }
    }

    /** What the framework could not start it passes over; starting it once more tells why. */
    private static void insist(Bundle bundle) throws StartException {
        if (bundle.getState() == Bundle.ACTIVE || bundle.getState() == Bundle.STARTING) {
            return;
        }
        try {
            bundle.start(Bundle.START_TRANSIENT | Bundle.START_ACTIVATION_POLICY);
        } catch (BundleException e) {
            throw new StartException("bundle " + bundle.getSymbolicName() + " does not start: " + Failures.line(e), e);
        }
    }

    /**
     * Goes on to a higher start level, in the background.
     *
     * @param startLevel which
     */
    void raise(int startLevel) {
        framework.adapt(FrameworkStartLevel.class).setStartLevel(startLevel);
    }

    /**
     * The features' bundles.
     *
     * @return without fragments, in the order of their installation
     */
    List<Bundle> bundles() {
        return List.copyOf(bundles);
    }

    /**
     * Waits until the framework has stopped, whoever stops it; one that is being updated is started again.
     *
     * @throws StartException if an updated framework does not start
     * @throws InterruptedException if the thread was interrupted
     */
    void awaitStop() throws StartException, InterruptedException {
        while (framework.waitForStop(0).getType() == FrameworkEvent.STOPPED_UPDATE) {
            try {
                framework.start();
            } catch (BundleException e) {
                throw new StartException("the OSGi framework does not start again: " + Failures.line(e), e);
            }
        }
    }

    /**
     * What the framework waits for while it stops.
     *
     * @return the bundles whose code does not return, as symbolic names and versions
     */
    List<String> obstacles() {
        return Obstacles.find(context().getBundles());
    }

    /**
     * Stops the bundles, highest start level first, and waits for it.
     *
     * @param timeout how long at most
     * @return whether all has stopped in time
     */
    boolean stop(Duration timeout) {
        try {
            framework.stop();
            return framework.waitForStop(timeout.toMillis()).getType() != FrameworkEvent.WAIT_TIMEDOUT;
        } catch (BundleException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
