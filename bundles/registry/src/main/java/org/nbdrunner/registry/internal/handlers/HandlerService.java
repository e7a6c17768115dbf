package org.nbdrunner.registry.internal.handlers;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A handler that is present, until it is retired. For use by any thread. */
public final class HandlerService {
    /**
     * Where a handler comes from.
     *
     * @param bundle the id of its bundle
     * @param symbolicName of its bundle
     * @param version of its bundle
     */
    public record Origin(long bundle, String symbolicName, String version) {
        @Override
        public String toString() {
            return symbolicName + " " + version;
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(HandlerService.class);

    private final String name;
    private final int type;
    private final Handler handler;
    private final Set<String> options;
    private final Origin origin;

    /** Calls share it; retiring takes it alone, and so waits for them. */
    private final ReentrantReadWriteLock calls = new ReentrantReadWriteLock();

    private volatile boolean retired;

    private final CompletableFuture<Void> retirement = new CompletableFuture<>();

    /**
     * A handler that has come.
     *
     * @param name as users type it
     * @param handler the service
     * @param options the names of its options
     * @param origin where it comes from
     */
    HandlerService(String name, Handler handler, Set<String> options, Origin origin) {
        this.name = name;
        this.type = HandlerTypes.type(name);
        this.handler = handler;
        this.options = Set.copyOf(options);
        this.origin = origin;
    }

    /**
     * The name.
     *
     * @return as users type it
     */
    public String name() {
        return name;
    }

    /**
     * The number.
     *
     * @return as in {@link HandlerTypes}
     */
    public int type() {
        return type;
    }

    /**
     * The options that may follow the key in a cfgstring.
     *
     * @return names, unmodifiable
     */
    public Set<String> options() {
        return options;
    }

    /**
     * Where it comes from.
     *
     * @return its bundle
     */
    public Origin origin() {
        return origin;
    }

    /**
     * Its end.
     *
     * @return completes when it is retired; not for completing
     */
    public CompletableFuture<Void> retirement() {
        return retirement;
    }

    boolean is(Handler other) {
        return handler == other;
    }

    /**
     * Refuses a cfgstring with options that the handler does not know.
     *
     * @param cfg what was given
     * @throws StorageException {@link Errno#EINVAL} naming the options
     */
    public void checkOptions(Cfgstring cfg) throws StorageException {
        Set<String> unknown = new TreeSet<>(cfg.options().keySet());
        unknown.removeAll(options);
        if (!unknown.isEmpty()) {
            throw new StorageException(
                    Errno.EINVAL,
                    cfg.key() + ": handler " + name + " does not know the option "
                            + String.join(", ", unknown) + "; "
                            + (options.isEmpty()
                                    ? "it has none"
                                    : "it knows " + String.join(", ", new TreeSet<>(options))));
        }
    }

    /**
     * Calls the handler, which stays present meanwhile. Whatever goes wrong in it comes out as one kind of exception.
     *
     * @param <T> the answer's type
     * @param call what it is asked for
     * @return the answer
     * @throws StorageException what the handler met; {@link Errno#ENODEV} if it was retired
     */
    public <T> T call(HandlerCall<T> call) throws StorageException {
        calls.readLock().lock();
        try {
            if (retired) {
                throw new StorageException(Errno.ENODEV, "handler " + name + " has just been removed");
            }
            return call.on(handler);
        } catch (StorageException e) {
            throw e;
        } catch (IOException e) {
            throw new StorageException(Errno.of(e), Errno.describe(e), e);
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            LOG.error("Handler {} failed", name, e);
            throw new StorageException(Errno.of(e), "handler " + name + " failed: " + Errno.describe(e), e);
        } finally {
            calls.readLock().unlock();
        }
    }

    /**
     * Lets no further call through, and waits for those that run.
     *
     * @param bound how long it waits
     * @return whether all of them have ended
     */
    public boolean retire(Duration bound) {
        retired = true;
        retirement.complete(null);
        try {
            if (calls.writeLock().tryLock(bound.toNanos(), TimeUnit.NANOSECONDS)) {
                calls.writeLock().unlock();
                return true;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    @Override
    public String toString() {
        return name;
    }
}
