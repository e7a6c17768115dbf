package org.nbdrunner.registry.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.HandlerWatch;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.registry.internal.gate.Session;
import org.nbdrunner.registry.internal.gate.Tasks;
import org.nbdrunner.registry.internal.gate.VolumeCloser;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.nbdrunner.registry.internal.handlers.HandlerTable;
import org.nbdrunner.registry.internal.store.SavedBackstore;
import org.nbdrunner.registry.internal.store.SavedConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps every backstore, its state and its saved configuration. Handlers come and go. For use by any thread. */
final class Registry implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Registry.class);
    private static final long FLUSH_AHEAD_S = 3;

    private final Surroundings around;
    private final HandlerTable handlers;
    private final Backstores backstores;
    private final Control control;
    private final Exports exports;
    private final RegistryWatch watch;

    /** Told of each backstore whose volume is not closed as it should. */
    private final Consumer<String> unclean;

    /** When all is over, by {@link System#nanoTime}; null while it runs. */
    private volatile Long end;

    /**
     * Loads the saved configuration.
     *
     * @param settings bounds
     * @param endpoint where legacy I/O is served; gives null while it is not
     * @param unclean told of each backstore whose volume could not be flushed or closed as it should
     * @throws IOException if the configuration cannot be loaded; one line says what is wrong where
     */
    Registry(Settings settings, Supplier<IoEndpoint> endpoint, Consumer<String> unclean) throws IOException {
        this.unclean = unclean;
        SavedConfiguration configuration = SavedConfiguration.open(settings.directory());
        Tasks tasks = new Tasks();
        this.handlers = new HandlerTable(
                settings.timeout(),
                configuration.found().values().stream()
                        .map(SavedBackstore::type)
                        .collect(Collectors.toUnmodifiableSet()));
        configuration.found().values().forEach(b -> b.handler().ifPresent(handlers::note));
        this.around = new Surroundings(
                settings,
                configuration,
                handlers,
                new VolumeCloser(tasks, settings.drain(), settings.close(), unclean),
                tasks,
                new Changes());
        this.backstores = new Backstores(around);
        this.watch = new RegistryWatch(backstores, handlers, around.changes());
        this.control = new RegistryControl(backstores, handlers, watch, endpoint, settings.connections());
        this.exports = new RegistryExports(backstores, handlers);
        long dead = backstores.all().stream()
                .filter(b -> b.saved().state() == BackstoreState.DEAD)
                .count();
        LOG.info(
                "{} is read; backstores: {}, to be restored: {}",
                configuration.path(),
                backstores.all().size(),
                dead);
    }

    Control control() {
        return control;
    }

    Exports exports() {
        return exports;
    }

    HandlerWatch watch() {
        return watch;
    }

    /**
     * A handler is about to come that keeps its backstores in memory: unless another one of its name serves, what is listed of it is no
     * more.
     *
     * @param name its service property
     */
    void forget(String name) {
        if (handlers.serving(name).isPresent()) {
            return;
        }
        List<String> keys = backstores.all().stream()
                .filter(b -> b.isOf(name))
                .map(Backstore::key)
                .toList();
        for (String key : keys) {
            try {
                backstores.exclusively(key, "forgetting it", b -> {
                    b.lose();
                    return null;
                });
            } catch (StorageException e) {
                LOG.error("{}/{} was in memory and is gone, but stays listed: {}", name, key, e.getMessage());
            }
        }
    }

    /**
     * A handler has come. It serves unless a better ranked one of its name does; clients that waited for it go on.
     *
     * @param name its service property
     * @param handler the service
     * @param ranking its service ranking
     * @param id its service id
     * @param origin its bundle
     */
    void add(String name, Handler handler, int ranking, long id, HandlerService.Origin origin) {
        HandlerService service;
        try {
            service = handlers.add(name, handler, ranking, id, origin);
        } catch (RuntimeException | LinkageError e) {
            LOG.error("A handler cannot be used: {}", Errno.describe(e));
            return;
        }
        LOG.info("Handler {} {} is here", name, origin.version());
        serve(name);
        around.changes().tell();
        if (!around.isServing(service)) {
            LOG.info("Another handler {} ranks higher and goes on serving", name);
        }
    }

    /**
     * A handler's properties have changed.
     *
     * @param name its service property
     * @param handler the service
     * @param ranking its service ranking
     * @param id its service id
     * @param origin its bundle
     */
    void update(String name, Handler handler, int ranking, long id, HandlerService.Origin origin) {
        HandlerService service = handlers.find(handler).orElse(null);
        if (service != null && service.name().equals(name)) {
            handlers.rank(service, ranking);
            serve(name);
        } else {
            remove(handler);
            add(name, handler, ranking, id, origin);
        }
    }

    /**
     * A handler goes away. It still works while this runs: its volumes are drained, flushed and closed, in bounded
     * time.
     *
     * @param handler the service
     */
    void remove(Handler handler) {
        HandlerService service = handlers.find(handler).orElse(null);
        if (service == null) {
            return;
        }
        Long deadline = end;
        if (deadline != null) {
            handlers.remove(service);
            retire(service, Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
            return;
        }
        flushAhead(service);
        // First out of the table: a volume that is being opened meanwhile is refused by its gate, or found by shut.
        handlers.remove(service);
        backstores.all().forEach(b -> b.shut(service));
        retire(service, around.settings().drain());
        // All volumes close at the same time, so they have the same time to do it.
        long closed = System.nanoTime() + around.closer().bound().toNanos();
        backstores.all().forEach(b -> b.awaitClosed(service, closed));
        LOG.info("Handler {} is gone", service);
        serve(service.name());
    }

    private static void retire(HandlerService service, Duration bound) {
        if (!service.retire(bound)) {
            LOG.error("Handler {} of bundle {} is removed in the middle of an operation", service, service.origin());
        }
    }

    /** Most of what must be flushed is, before any client has to wait; not worth waiting long for. */
    private void flushAhead(HandlerService service) {
        CompletableFuture<?>[] flushes =
                backstores.all().stream().map(b -> b.flushAhead(service)).toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(flushes).get(FLUSH_AHEAD_S, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            LOG.debug("Handler {}: a flush ahead of its removal has not worked", service, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whoever serves now gets the clients. */
    private void serve(String name) {
        handlers.serving(name)
                .ifPresent(service -> backstores.all().stream()
                        .filter(b -> b.isOf(name))
                        .forEach(b -> around.tasks().run("open-" + b.key(), () -> b.serve(service))));
    }

    /**
     * Closes every gate, flushes and closes every volume, and gives the directory free. Handlers that are removed after it are not
     * waited for again.
     */
    @Override
    public void close() throws IOException {
        Duration bound = around.settings().stop();
        long deadline = System.nanoTime() + bound.toNanos();
        end = deadline;
        around.closer().hasten(bound.dividedBy(3));
        List<Session> revoked =
                backstores.all().stream().flatMap(b -> b.stop().stream()).toList();
        revoked.forEach(Session::tellRevoked);
        backstores.all().stream().filter(b -> !b.awaitClosed(deadline)).forEach(b -> unclean.accept(b.key()));
        around.tasks().close();
        around.configuration().close();
    }
}
