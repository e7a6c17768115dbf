package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.control.HandlerWatch;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.deployer.internal.Guard.Outcome;
import org.nbdrunner.launcher.feature.Feature;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes what is installed. Bundles from files go through {@code deploy/}, where they are found after a restart too; shipped ones come
 * with their features.
 */
final class Admin implements HandlerAdmin {
    private static final Logger LOG = LoggerFactory.getLogger(Admin.class);
    private static final Duration GLANCE = Duration.ofMillis(50);
    private static final Duration STEP = Duration.ofMillis(200);
    private static final int ATTEMPTS = 5;

    private final BundleContext context;
    private final HandlerWatch watch;
    private final Guard guard;
    private final Features features;
    private final Settings settings;
    private final Deploy deploy;
    private final ReentrantLock turn = new ReentrantLock();

    Admin(BundleContext context, HandlerWatch watch, Guard guard, Features features, Settings settings) {
        this.context = context;
        this.watch = watch;
        this.guard = guard;
        this.features = features;
        this.settings = settings;
        this.deploy = new Deploy(settings.deploy());
    }

    private interface Operation<T> {
        T run() throws ControlException;
    }

    private <T> T inTurn(Operation<T> operation) throws ControlException {
        if (!turn.tryLock()) {
            throw new ControlException(Errno.EBUSY, "another handler is being installed or removed, try again later");
        }
        try {
            return operation.run();
        } finally {
            turn.unlock();
        }
    }

    private BundleFile read(Path jar) throws ControlException {
        return BundleFile.read(jar, ApiVersions.offeredTo(context.getBundle()));
    }

    @Override
    public String install(Path jar) throws ControlException {
        return inTurn(() -> {
            BundleFile file = read(jar);
            List<Bundle> present = bundles(file.symbolicName());
            if (!present.isEmpty()) {
                throw new ControlException(
                        Errno.EEXIST, Guard.display(present.get(0)) + " is installed already: upgrade it");
            }
            Path target = deploy.file(file.symbolicName());
            try {
                return deployed(jar, target);
            } catch (ControlException e) {
                withdraw(target);
                throw e;
            }
        });
    }

    @Override
    public String upgrade(Path jar) throws ControlException {
        return inTurn(() -> {
            BundleFile file = read(jar);
            Path kept = keep(file.symbolicName());
            Path present = deploy.fileOf(working(file.symbolicName()).bundle());
            Path target = present != null ? present : deploy.file(file.symbolicName());
            try {
                return deployed(jar, target);
            } catch (ControlException e) {
                if (present == null) {
                    withdraw(target);
                } else {
                    restore(kept, target);
                }
                throw e;
            } finally {
                delete(kept);
            }
        });
    }

    private Revision working(String symbolicName) throws ControlException {
        return guard.working().stream()
                .filter(r -> symbolicName.equals(r.bundle().getSymbolicName()))
                .findFirst()
                .orElseThrow(() -> new ControlException(
                        Errno.ENOENT, "no handler is served by a bundle " + symbolicName + ": install it"));
    }

    /** A copy of the revision that works. Its own copy goes when another revision is seen to work, so that is looked for again. */
    private Path keep(String symbolicName) throws ControlException {
        for (int attempt = 1; ; attempt++) {
            Revision revision = working(symbolicName);
            try {
                Path kept = Files.createTempFile(settings.copies(), "before-", ".jar");
                Files.copy(revision.copy(), kept, StandardCopyOption.REPLACE_EXISTING);
                return kept;
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    throw new ControlException(
                            Errno.of(e), "no copy can be kept of " + revision + ": " + Errno.describe(e), e);
                }
            }
        }
    }

    /** Puts a jar into {@code deploy/} and waits for what becomes of it. */
    private String deployed(Path jar, Path target) throws ControlException {
        String location = Deploy.location(target);
        // The guard looks at what comes in place of something, and at what comes to offer a handler.
        boolean unguarded = context.getBundle(location) == null;
        CompletableFuture<Outcome> outcome = guard.expect(location);
        try {
            put(jar, target);
            Duration bound = settings.pickUp().plus(settings.start().multipliedBy(3));
            return awaited(outcome, bound, location, unguarded);
        } finally {
            outcome.cancel(false);
        }
    }

    /** Puts back what worked, and waits until File Install has seen it: what comes next must not meet it half way. */
    private void restore(Path kept, Path target) throws ControlException {
        CompletableFuture<Outcome> outcome = guard.expect(Deploy.location(target));
        put(kept, target);
        try {
            outcome.get(settings.pickUp().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            LOG.warn("{} is put back, but File Install has not looked at it yet", target, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            outcome.cancel(false);
        }
    }

    private void put(Path jar, Path target) throws ControlException {
        try {
            deploy.put(jar, target);
        } catch (IOException e) {
            throw new ControlException(Errno.of(e), target + " cannot be written: " + Errno.describe(e), e);
        }
    }

    private String awaited(CompletableFuture<Outcome> future, Duration bound, String location, boolean unguarded)
            throws ControlException {
        try {
            Outcome outcome =
                    unguarded ? outcome(future, bound, location) : future.get(bound.toMillis(), TimeUnit.MILLISECONDS);
            if (outcome.worked()) {
                return outcome.handler() + " " + outcome.bundle().getVersion();
            }
            throw new ControlException(Errno.EIO, "it does not work: " + outcome.failure());
        } catch (TimeoutException e) {
            throw new ControlException(Errno.EIO, late(location) + " after " + bound.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException(Errno.EAGAIN, "interrupted", e);
        } catch (ExecutionException e) {
            throw new ControlException(Errno.EIO, Errno.describe(e.getCause()), e);
        }
    }

    /** The outcome, or why there can be none: of a bundle that does not even start nobody else hears. */
    private Outcome outcome(CompletableFuture<Outcome> future, Duration bound, String location)
            throws InterruptedException, ExecutionException, TimeoutException {
        long deadline = System.nanoTime() + bound.toNanos();
        while (true) {
            try {
                return future.get(STEP.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                Bundle bundle = context.getBundle(location);
                String obstacle = bundle == null ? "" : guard.obstacle(bundle);
                if (!obstacle.isEmpty()) {
                    return new Outcome("", bundle, obstacle);
                }
            }
        }
    }

    /** Why nothing has become of a bundle. */
    private String late(String location) {
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getState() == Bundle.STOPPING) {
                return Guard.hanging(bundle) + ", and nothing is installed or upgraded until then: still so";
            }
        }
        return context.getBundle(location) == null
                ? "the bundle is not installed, see in the log why: still not"
                : "it serves no handler, see in the log why: still not";
    }

    private List<Bundle> bundles(String symbolicName) {
        List<Bundle> found = new ArrayList<>();
        for (Bundle bundle : context.getBundles()) {
            if (symbolicName.equals(bundle.getSymbolicName())) {
                found.add(bundle);
            }
        }
        return found;
    }

    @Override
    public String add(String name) throws ControlException {
        return inTurn(() -> {
            Feature feature = features.find(name);
            if (features.isInstalled(feature)) {
                throw new ControlException(Errno.EEXIST, "feature " + feature.name() + " is there already");
            }
            String handler = Features.handler(feature);
            Optional<Bundle> other = guard.serving(handler);
            if (other.isPresent()) {
                throw new ControlException(
                        Errno.EEXIST,
                        "handler " + handler + " is served by " + Guard.display(other.get())
                                + " already: remove it first");
            }
            CompletableFuture<Outcome> outcome = guard.expectAny();
            List<Bundle> installed = features.install(feature);
            boolean done = false;
            try {
                String what = awaited(outcome, settings.start().plus(GLANCE), feature.name(), false);
                features.remember(feature, true);
                done = true;
                return what;
            } finally {
                outcome.cancel(false);
                if (!done) {
                    features.uninstall(installed);
                }
            }
        });
    }

    @Override
    public void remove(String handler, boolean force) throws ControlException {
        inTurn(() -> {
            Bundle bundle = guard.serving(handler)
                    .orElseThrow(() -> new ControlException(Errno.ENODEV, "there is no handler \"" + handler + "\""));
            int used = watch.inUse(handler);
            if (used > 0 && !force) {
                throw new ControlException(
                        Errno.EBUSY,
                        "clients use " + used + (used == 1 ? " backstore" : " backstores") + " of handler " + handler
                                + ": unmap and disconnect them first, or force it");
            }
            List<Bundle> revisions = bundles(bundle.getSymbolicName());
            for (Bundle b : revisions) {
                stop(b);
            }
            guard.forget(handler);
            for (Bundle b : revisions) {
                take(b);
            }
            watch.abandon(handler);
            watch.remark(handler, "removed");
            LOG.info("Handler {} is removed", handler);
            return null;
        });
    }

    /** First of all, and for so long only: File Install, which uninstalls it, would wait for ever. */
    private void stop(Bundle bundle) throws ControlException {
        try {
            if (!guard.stop(bundle)) {
                Path file = deploy.fileOf(bundle);
                throw new ControlException(
                        Errno.ETIMEDOUT,
                        Guard.hanging(bundle) + (file == null ? "" : "; delete " + file + " while it does not run"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException(Errno.EAGAIN, "interrupted", e);
        }
    }

    private void take(Bundle bundle) throws ControlException {
        Path file = deploy.fileOf(bundle);
        Optional<Feature> feature = features.featureOf(bundle);
        if (file != null) {
            delete(file);
            awaitUninstalled(bundle);
        } else if (feature.isPresent()) {
            features.uninstall(features.bundlesOfAlone(feature.get()));
            features.remember(feature.get(), false);
        } else {
            features.uninstall(List.of(bundle));
        }
    }

    private void delete(Path file) throws ControlException {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new ControlException(Errno.of(e), file + " cannot be deleted: " + Errno.describe(e), e);
        }
    }

    /** Takes away what did not work, so that a better one can come at once. */
    private void withdraw(Path file) throws ControlException {
        delete(file);
        Bundle bundle = context.getBundle(Deploy.location(file));
        if (bundle != null && (bundle.getState() == Bundle.INSTALLED || bundle.getState() == Bundle.RESOLVED)) {
            awaitUninstalled(bundle);
        }
    }

    /** File Install does it; if it does not come to it, it is done here. */
    private void awaitUninstalled(Bundle bundle) throws ControlException {
        long deadline = System.nanoTime() + settings.pickUp().toNanos();
        try {
            while (bundle.getState() != Bundle.UNINSTALLED && System.nanoTime() < deadline) {
                TimeUnit.MILLISECONDS.sleep(GLANCE.toMillis());
            }
            Features.uninstall(bundle);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException(Errno.EAGAIN, "interrupted", e);
        } catch (BundleException e) {
            throw new ControlException(
                    Errno.EIO, Guard.display(bundle) + " cannot be uninstalled: " + Errno.describe(e), e);
        }
    }
}
