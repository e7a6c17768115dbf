package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts, stops and updates bundles, and waits for none of them for long: any may hang. */
final class BundleChanger {
    private static final Logger LOG = LoggerFactory.getLogger(BundleChanger.class);
    private static final Duration PATIENCE = Duration.ofSeconds(3);
    private static final Duration GLANCE = Duration.ofMillis(500);
    private static final String CAUSE = "Caused by: ";
    private static final String ROLLBACK = "nbd-runner-rollback:";

    private final BundleContext context;
    private final Components components;
    private final ExecutorService threads;

    /** Bundles that did not work and were stopped in favour of others. */
    private final Set<Bundle> aside = ConcurrentHashMap.newKeySet();

    BundleChanger(BundleContext context, Components components, ExecutorService threads) {
        this.context = context;
        this.components = components;
        this.threads = threads;
    }

    /** The components of bundles, as the component runtime knows them. */
    static final class Components {
        private final ServiceComponentRuntime runtime;

        Components(ServiceComponentRuntime runtime) {
            this.runtime = runtime;
        }

        /** Why a component of a bundle cannot be activated; empty if all can. */
        String failure(Bundle bundle) {
            return runtime.getComponentDescriptionDTOs(bundle).stream()
                    .flatMap(d -> runtime.getComponentConfigurationDTOs(d).stream())
                    .filter(c -> c.state == ComponentConfigurationDTO.FAILED_ACTIVATION)
                    .map(c -> line(c.failure))
                    .findFirst()
                    .orElse("");
        }

        /** The last cause says what is wrong. */
        private static String line(String trace) {
            String line = "";
            for (String l : trace.lines().toList()) {
                if (line.isEmpty() || l.startsWith(CAUSE)) {
                    line = l;
                }
            }
            return line.replace(CAUSE, "");
        }
    }

    private interface Change {
        void run() throws BundleException, IOException;
    }

    /** Does something to a bundle; false if it hangs, or does not work. */
    private boolean change(String what, Bundle bundle, Duration bound, Change change) throws InterruptedException {
        Future<Void> future = threads.submit((Callable<Void>) () -> {
            change.run();
            return null;
        });
        try {
            future.get(bound.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            LOG.error("Bundle {} hangs: it could not be {} in {} s", Guard.display(bundle), what, bound.toSeconds());
        } catch (ExecutionException e) {
            LOG.error("Bundle {} could not be {}: {}", Guard.display(bundle), what, line(e.getCause()));
        }
        return false;
    }

    /**
     * Stops a bundle, for good: File Install starts what is stopped for a while only. Whoever changes a bundle that does not return from
     * its stop waits for it for ever.
     *
     * @return false if it does not return in time
     */
    boolean stop(Bundle bundle, Duration bound) throws InterruptedException {
        return change("stopped", bundle, bound, bundle::stop) || bundle.getState() != Bundle.STOPPING;
    }

    /** Waits until a bundle that is stopping has stopped; false if it has not in time. */
    static boolean awaitStopped(Bundle bundle, Duration bound) throws InterruptedException {
        long deadline = System.nanoTime() + bound.toNanos();
        while (bundle.getState() == Bundle.STOPPING) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            TimeUnit.MILLISECONDS.sleep(GLANCE.toMillis());
        }
        return true;
    }

    /** Whether it may not return from its start or stop. */
    static boolean isHanging(Bundle bundle) {
        return bundle.getState() == Bundle.STARTING || bundle.getState() == Bundle.STOPPING;
    }

    /** Whether somebody wants it started. */
    static boolean isToRun(Bundle bundle) {
        return bundle.getState() != Bundle.UNINSTALLED
                && bundle.adapt(BundleStartLevel.class).isPersistentlyStarted();
    }

    /** What keeps a bundle that should run from it; empty if it runs, is on its way, or should not run. */
    String obstacle(Bundle bundle) throws InterruptedException {
        int state = bundle.getState();
        if (state == Bundle.ACTIVE) {
            return components.failure(bundle);
        }
        if ((state != Bundle.INSTALLED && state != Bundle.RESOLVED) || !isToRun(bundle)) {
            return "";
        }
        Future<Void> start = threads.submit((Callable<Void>) () -> {
            bundle.start(Bundle.START_TRANSIENT | Bundle.START_ACTIVATION_POLICY);
            return null;
        });
        try {
            start.get(GLANCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return "";
        } catch (ExecutionException e) {
            return wrongApi(bundle, e.getCause());
        }
        return "";
    }

    /** Versions that do not go together say more than what the framework has to say of them. */
    private String wrongApi(Bundle bundle, Throwable failure) {
        Map<String, String> headers = Map.of(
                Constants.IMPORT_PACKAGE, String.valueOf(bundle.getHeaders("").get(Constants.IMPORT_PACKAGE)));
        try {
            ApiVersions.check(headers, ApiVersions.offeredTo(context.getBundle()));
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
        return "it does not start: " + line(failure);
    }

    private static String line(Throwable failure) {
        Throwable cause =
                failure instanceof BundleException && failure.getCause() != null ? failure.getCause() : failure;
        return String.valueOf(cause.getMessage() == null ? cause : cause.getMessage())
                .lines()
                .findFirst()
                .orElse("");
    }

    /**
     * Puts a revision that worked in the place of a bundle that does not.
     *
     * @return the bundle of that revision
     */
    Bundle putBack(Bundle broken, Revision before) throws InterruptedException, IOException {
        Bundle good = before.bundle();
        if (!good.equals(broken)) {
            aside.add(broken);
            // For good: File Install starts what is stopped for a while only.
            change("stopped", broken, PATIENCE, broken::stop);
            if (change("started", good, PATIENCE, () -> start(good))) {
                return good;
            }
        } else if (change("stopped", broken, PATIENCE, () -> broken.stop(Bundle.STOP_TRANSIENT))
                && change("updated", broken, PATIENCE, () -> update(broken, before))
                && change("started", broken, PATIENCE, () -> start(broken))) {
            return broken;
        }
        return beside(before);
    }

    private static void start(Bundle bundle) throws BundleException {
        bundle.start(Bundle.START_TRANSIENT | Bundle.START_ACTIVATION_POLICY);
    }

    private static void update(Bundle bundle, Revision to) throws BundleException, IOException {
        try (InputStream jar = Files.newInputStream(to.copy())) {
            bundle.update(jar);
        }
    }

    /** The bundle itself cannot be had: another one from the copy. */
    private Bundle beside(Revision before) throws IOException {
        try (InputStream jar = Files.newInputStream(before.copy())) {
            Bundle bundle = context.installBundle(ROLLBACK + before.copy().getFileName(), jar);
            bundle.start();
            return bundle;
        } catch (BundleException e) {
            throw new IOException(line(e), e);
        }
    }

    /** A bundle is no more. */
    void forget(Bundle uninstalled) {
        aside.remove(uninstalled);
    }

    /** A bundle that was stopped because it did not work has been updated: perhaps it works now. */
    void retry(Bundle updated) {
        if (aside.remove(updated)) {
            threads.execute(() -> {
                try {
                    updated.start(Bundle.START_ACTIVATION_POLICY);
                } catch (BundleException e) {
                    LOG.error("Bundle {} does not start: {}", Guard.display(updated), line(e));
                }
            });
        }
    }
}
