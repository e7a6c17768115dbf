package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.nbdrunner.api.control.HandlerOpening;
import org.nbdrunner.api.control.HandlerWatch;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.HandlerName;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceEvent;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.SynchronousBundleListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches over the bundles of handlers, whoever installs and updates them: when a handler comes from another bundle, or from
 * another revision of its bundle, than before, it has to start and to open the volumes that clients use within its time. If it
 * does not, the bundle that worked before serves again.
 */
final class Guard implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Guard.class);

    /** How often it is looked whether a bundle has become hopeless. */
    private static final Duration STEP = Duration.ofMillis(200);

    /** How a change ended. */
    record Outcome(String handler, Bundle bundle, String failure) {
        boolean worked() {
            return failure.isEmpty();
        }
    }

    private final BundleContext context;
    private final HandlerWatch watch;
    private final Settings settings;
    private final BundleChanger changer;
    private final Deploy deploy;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "deployer");
        thread.setDaemon(true);
        return thread;
    });

    /** What worked last, by handler. */
    private final Map<String, Revision> working = new ConcurrentHashMap<>();

    /** Bundles that are being looked at, and those that a rollback is changing. */
    private final Map<Bundle, Boolean> busy = new ConcurrentHashMap<>();

    private final List<Expectation> expectations = new CopyOnWriteArrayList<>();
    private final SynchronousBundleListener bundleListener = this::bundleChanged;

    /** Somebody waits for the outcome of a change of the bundle at a location. */
    private record Expectation(String location, CompletableFuture<Outcome> outcome) {
        boolean isOf(Bundle bundle) {
            return location.isEmpty() || location.equals(bundle.getLocation());
        }
    }

    Guard(BundleContext context, HandlerWatch watch, BundleChanger.Components components, Settings settings) {
        this.context = context;
        this.watch = watch;
        this.settings = settings;
        this.changer = new BundleChanger(context, components, threads);
        this.deploy = new Deploy(settings.deploy());
    }

    /** Looks at the handlers that are there, and at those to come. */
    void start() {
        context.addBundleListener(bundleListener);
        try {
            String filter = "(" + HandlerName.PROPERTY + "=*)";
            context.addServiceListener(this::serviceChanged, filter);
            ServiceReference<?>[] present = context.getAllServiceReferences(null, filter);
            for (ServiceReference<?> service : present == null ? new ServiceReference<?>[0] : present) {
                appeared(service);
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The outcome of the next change of a bundle. */
    CompletableFuture<Outcome> expect(String location) {
        Expectation expectation = new Expectation(location, new CompletableFuture<>());
        expectations.add(expectation);
        return expectation.outcome().whenComplete((outcome, e) -> expectations.remove(expectation));
    }

    /** The outcome of the next change, whichever it is. */
    CompletableFuture<Outcome> expectAny() {
        return expect("");
    }

    /** The bundle that serves a handler. */
    Optional<Bundle> serving(String handler) {
        return Optional.ofNullable(working.get(handler)).map(Revision::bundle);
    }

    /** What keeps a bundle from running that should; empty if nothing does, or it is not known yet. */
    String obstacle(Bundle bundle) throws InterruptedException {
        return changer.obstacle(bundle);
    }

    /** What serves handlers. */
    Collection<Revision> working() {
        return List.copyOf(working.values());
    }

    /** A handler was removed for good: there is nothing to go back to. */
    void forget(String handler) {
        working.remove(handler);
    }

    private void serviceChanged(ServiceEvent event) {
        if (event.getType() == ServiceEvent.REGISTERED) {
            appeared(event.getServiceReference());
        } else if (event.getType() == ServiceEvent.UNREGISTERING) {
            // The event of the bundle comes too late: the component runtime, who is told before, is what does not
            // return.
            Bundle bundle = event.getServiceReference().getBundle();
            if (bundle != null && bundle.getState() == Bundle.STOPPING) {
                String handler = String.valueOf(event.getServiceReference().getProperty(HandlerName.PROPERTY));
                threads.execute(() -> watchStop(handler, bundle));
            }
        }
    }

    private void appeared(ServiceReference<?> service) {
        Bundle bundle = service.getBundle();
        String handler = String.valueOf(service.getProperty(HandlerName.PROPERTY));
        Revision before = working.get(handler);
        if (bundle != null && (before == null || !before.isOf(bundle))) {
            examine(handler, bundle, before);
        }
    }

    private void bundleChanged(BundleEvent event) {
        Bundle bundle = event.getBundle();
        if (event.getType() == BundleEvent.UPDATED) {
            working.forEach((handler, before) -> {
                if (before.bundle().equals(bundle)) {
                    examine(handler, bundle, before);
                }
            });
            changer.retry(bundle);
        } else if (event.getType() == BundleEvent.UNINSTALLED) {
            changer.forget(bundle);
            working.forEach((handler, revision) -> {
                if (revision.bundle().equals(bundle) && working.remove(handler, revision)) {
                    watch.remark(handler, "removed");
                }
            });
        }
    }

    /** Whoever stops it: if it does not return, that is told to who can do something about it. */
    private void watchStop(String handler, Bundle bundle) {
        try {
            if (!BundleChanger.awaitStopped(bundle, settings.stop())) {
                LOG.error("Handler {}: {}", handler, hanging(bundle));
                watch.remark(handler, hanging(bundle));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops a bundle, before somebody changes it; false if it does not return from that. */
    boolean stop(Bundle bundle) throws InterruptedException {
        return changer.stop(bundle, settings.stop());
    }

    /** What there is to say of a bundle that does not stop. */
    static String hanging(Bundle bundle) {
        return "bundle " + display(bundle)
                + " does not return from its stop: it can be changed after a restart of nbd-runner only";
    }

    /** Looks whether a bundle comes to serve a handler, on a thread of its own. */
    private void examine(String handler, Bundle bundle, Revision before) {
        if (busy.putIfAbsent(bundle, true) != null) {
            return;
        }
        threads.execute(() -> {
            Outcome outcome = null;
            try {
                long modified;
                Revision last = before;
                do {
                    modified = bundle.getLastModified();
                    outcome = examined(handler, bundle, last);
                    last = working.get(handler);
                } while (bundle.getLastModified() != modified && (last == null || !last.isOf(bundle)));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                busy.remove(bundle);
                if (outcome != null) {
                    tell(outcome);
                }
            }
        });
    }

    private Outcome examined(String handler, Bundle bundle, Revision before) throws InterruptedException {
        Path file = deploy.fileOf(bundle);
        String fingerprint = file == null ? "" : Deploy.fingerprint(file);
        String failure = await(handler, bundle);
        if (failure.isEmpty()) {
            works(handler, bundle, before);
            return new Outcome(handler, bundle, "");
        }
        if (before == null) {
            LOG.error("Handler {} of bundle {} does not work: {}", handler, display(bundle), failure);
            return new Outcome(handler, bundle, failure);
        }
        if (before.isOf(bundle) || bundle.getState() == Bundle.UNINSTALLED || !isWanted(bundle, before)) {
            return new Outcome(handler, bundle, failure);
        }
        String what = display(bundle);
        LOG.error("Handler {}: bundle {} does not work, going back to {}: {}", handler, what, before, failure);
        working.remove(handler, before);
        busy.put(before.bundle(), true);
        try {
            Bundle back = changer.putBack(bundle, before);
            String again = watch.awaitOpen(handler, back.getBundleId(), settings.start())
                    .reason();
            working.put(handler, Revision.keep(back, settings.copies()));
            watch.remark(handler, what + " rolled back to " + before.version() + ": " + failure);
            if (!again.isEmpty()) {
                LOG.error("Handler {}: bundle {} serves again, but {}", handler, display(back), again);
            }
            if (file != null && expectations.stream().noneMatch(e -> e.isOf(bundle))) {
                boolean itself = before.bundle().equals(bundle);
                if (BundleChanger.isHanging(bundle) || (itself && !back.equals(bundle))) {
                    // File Install would wait for the bundle if the file changed.
                    LOG.warn("{} does not work: replace or delete it while nbd-runner does not run", file);
                } else {
                    reject(file, fingerprint, itself ? before.copy() : null);
                }
            }
        } catch (IOException e) {
            working.put(handler, before);
            watch.remark(handler, what + " does not work, nor can " + before.version() + " be put back: " + failure);
            LOG.error("Handler {}: {} cannot be put back", handler, before, e);
        } finally {
            busy.remove(before.bundle());
        }
        return new Outcome(handler, bundle, failure);
    }

    /** Of a file that nobody waits for: who does deals with it. */
    private void reject(Path file, String fingerprint, Path instead) {
        try {
            Path rejected = deploy.reject(file, fingerprint, instead);
            if (rejected != null) {
                LOG.warn(
                        "{} is {} now{}",
                        file,
                        rejected.getFileName(),
                        instead == null ? "" : ", and what worked is in its place");
            }
        } catch (IOException e) {
            LOG.warn(
                    "{} does not work, but cannot be replaced: {}; replace or delete it before nbd-runner starts again",
                    file,
                    Errno.describe(e));
        }
    }

    /** A second bundle for the same handler that does not serve does no harm; nor does one that is stopped on purpose. */
    private boolean isWanted(Bundle bundle, Revision before) {
        return before.bundle().equals(bundle)
                ? BundleChanger.isToRun(bundle)
                : before.bundle().getState() != Bundle.ACTIVE || deploy.fileOf(bundle) != null;
    }

    /** Waits until it serves; the reason if it does not, or never will. */
    private String await(String handler, Bundle bundle) throws InterruptedException {
        long deadline = System.nanoTime() + settings.start().toNanos();
        for (boolean first = true; ; first = false) {
            HandlerOpening opening = watch.awaitOpen(handler, bundle.getBundleId(), STEP);
            if (opening.state() != HandlerOpening.State.PENDING) {
                return opening.reason();
            }
            if (System.nanoTime() > deadline) {
                return opening.reason() + " within " + settings.start().toSeconds() + " s";
            }
            // Not at the first look: whoever changes a bundle also starts it.
            String obstacle = first ? "" : changer.obstacle(bundle);
            if (!obstacle.isEmpty()) {
                return obstacle;
            }
        }
    }

    private void works(String handler, Bundle bundle, Revision before) {
        long modified = bundle.getLastModified();
        try {
            Revision now = Revision.keep(bundle, settings.copies());
            working.put(handler, now);
            if (before == null) {
                watch.remark(handler, ""); // of one that was removed, say
                LOG.debug("Handler {} is served by {}", handler, now);
            } else if (!now.isSameAs(before)) {
                watch.remark(handler, "upgraded from " + before.version());
                LOG.info("Handler {} is served by {} now, before it was {}", handler, now, before);
            }
            if (before != null && !now.copy().equals(before.copy())) {
                before.drop();
            }
        } catch (IOException e) {
            if (bundle.getLastModified() != modified) {
                return; // it is being updated again
            }
            LOG.warn(
                    "Bundle {} cannot be copied to {}, so an upgrade of it cannot be taken back: {}",
                    display(bundle),
                    settings.copies(),
                    e.getMessage());
        }
    }

    private void tell(Outcome outcome) {
        for (Expectation expectation : expectations) {
            if (expectation.isOf(outcome.bundle())) {
                expectation.outcome().complete(outcome);
            }
        }
    }

    static String display(Bundle bundle) {
        return bundle.getSymbolicName() + " " + bundle.getVersion();
    }

    @Override
    public void close() {
        context.removeBundleListener(bundleListener);
        threads.shutdownNow();
    }
}
