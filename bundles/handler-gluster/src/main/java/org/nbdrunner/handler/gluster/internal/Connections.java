package org.nbdrunner.handler.gluster.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * The connections: one to each volume, made when it is first needed and kept. Connecting cannot be broken off, so it is done on threads of
 * their own, for which callers wait no longer than a limit. For use by any thread.
 */
final class Connections {
    /** So many attempts on one volume may hang at once; after that its callers are told at once. */
    private static final int MAX_HANGING = 4;

    private static final int LOG_LEVEL_WARNING = 5;

    private final Gfapi gfapi;
    private final Duration limit;
    private final String log;

    /** Being made, or made; guarded by this, as are the others. */
    private final Map<Location.Store, Attempt> all = new HashMap<>();

    private final Map<Location.Store, Integer> hanging = new HashMap<>();
    private boolean closed;

    /** A connection that is being made, by one thread or several that ask different servers first. */
    private static final class Attempt {
        final CompletableFuture<Connection> result = new CompletableFuture<>();
        int threads;
    }

    /**
     * No connections.
     *
     * @param gfapi how they are made
     * @param limit of connecting, and of later calls
     * @param log GlusterFS's log file; empty for none
     */
    Connections(Gfapi gfapi, Duration limit, String log) {
        this.gfapi = gfapi;
        this.limit = limit;
        this.log = log;
    }

    /**
     * Gets a connection, and makes it if there is none.
     *
     * @param store to what
     * @return the connection; the caller releases it
     * @throws StorageException if there can be none, or it is not there in time
     */
    Connection acquire(Location.Store store) throws StorageException {
        while (true) {
            Connection c = get(store);
            if (c.acquire()) {
                return c;
            }
            forget(store, c);
        }
    }

    /** Takes a connection out, if it is still in use for its volume: the next caller makes another. */
    void discard(Connection connection) {
        forget(connection.store(), connection);
        connection.abandon();
    }

    private synchronized void forget(Location.Store store, Connection connection) {
        Attempt there = all.get(store);
        if (there != null && there.result.getNow(null) == connection) {
            all.remove(store);
        }
    }

    private Connection get(Location.Store store) throws StorageException {
        Attempt attempt;
        synchronized (this) {
            if (closed) {
                throw stopping();
            }
            attempt = all.computeIfAbsent(store, s -> new Attempt());
        }
        // A server that hangs is found out by waiting only; then another one is asked first.
        int servers = store.servers().size();
        boolean done = false;
        for (int first = 0; first < servers && !done; first++) {
            begin(store, first, attempt);
            done = await(attempt.result, limit.dividedBy(servers));
        }
        if (!done) {
            throw hangs(store);
        }
        try {
            return attempt.result.join();
        } catch (CompletionException e) {
            StorageException s = (StorageException) e.getCause();
            throw new StorageException(s.errno(), s.getMessage(), s);
        }
    }

    private static boolean await(CompletableFuture<Connection> connecting, Duration time) throws StorageException {
        try {
            connecting.get(time.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, "interrupted while connecting", e);
        } catch (ExecutionException e) {
            return true; // looked at by the caller
        }
        return true;
    }

    private StorageException hangs(Location.Store store) {
        return new StorageException(
                Errno.ETIMEDOUT,
                "volume " + store + " cannot be connected to: no answer within " + limit.toSeconds()
                        + " s; see whether glusterd works there");
    }

    private synchronized void begin(Location.Store store, int first, Attempt attempt) {
        if (attempt.result.isDone() || attempt.threads > first) {
            return;
        }
        if (hanging.getOrDefault(store, 0) >= MAX_HANGING) {
            fail(store, attempt, hangs(store));
            return;
        }
        attempt.threads++;
        hanging.merge(store, 1, Integer::sum);
        Thread t = new Thread(
                () -> {
                    try {
                        connect(store, first, attempt);
                    } catch (StorageException e) {
                        fail(store, attempt, e);
                    } catch (RuntimeException | Error e) {
                        fail(store, attempt, new StorageException(Errno.EIO, Errno.describe(e), e));
                    } finally {
                        ended(store);
                    }
                },
                "gluster connect " + store.volume());
        t.setDaemon(true);
        t.start();
    }

    private synchronized void ended(Location.Store store) {
        hanging.computeIfPresent(store, (s, n) -> n == 1 ? null : n - 1);
    }

    private void connect(Location.Store store, int first, Attempt attempt) throws StorageException {
        long fs = gfapi.newVolume(store.volume());
        if (fs < 0) {
            throw Failures.of(gfapi, fs, "connect to volume " + store);
        }
        int r = configure(store, first, fs);
        r = r < 0 ? r : gfapi.init(fs);
        if (r < 0) {
            fail(store, attempt, explained(store, r));
            gfapi.fini(fs);
            return;
        }
        Connection c = new Connection(gfapi, store, fs, limit);
        boolean wanted;
        synchronized (this) {
            wanted = !closed && attempt.result.complete(c);
        }
        if (!wanted) {
            c.abandon();
            throw stopping(); // or another thread was faster, and nobody hears of this
        }
    }

    private int configure(Location.Store store, int first, long fs) {
        List<Server> servers = new ArrayList<>(store.servers());
        Collections.rotate(servers, -first);
        int r = 0;
        for (Server s : servers) {
            r = r < 0 ? r : gfapi.addServer(fs, s.host(), s.port());
        }
        if (r >= 0 && !log.isEmpty()) {
            r = gfapi.log(fs, log, LOG_LEVEL_WARNING);
        }
        // What GlusterFS holds back of writes is tried again with the next flush, not dropped, if a brick did not take
        // it.
        return r < 0 ? r : gfapi.setOption(fs, "*-write-behind", "resync-failed-syncs-after-fsync", "on");
    }

    private static StorageException stopping() {
        return new StorageException(Errno.ESHUTDOWN, "the Gluster handler is stopping");
    }

    /** Tells its callers, and lets the next one try anew. */
    private synchronized void fail(Location.Store store, Attempt attempt, StorageException reason) {
        if (attempt.result.completeExceptionally(reason)) {
            all.remove(store, attempt);
        }
    }

    private StorageException explained(Location.Store store, int error) {
        if (error == -Gfapi.ENOENT && !gfapi.hasTranslators()) {
            return new StorageException(
                    Errno.ENOTSUP,
                    "GlusterFS's client is not complete, its translators are missing: install glusterfs-common (Debian,"
                            + " Ubuntu) or glusterfs-client-xlators (RPM-based distributions)");
        }
        return switch (-error) {
            case Gfapi.ENOENT -> new StorageException(Errno.ENOENT, "there is no Gluster volume " + store);
            case Gfapi.ENOTCONN ->
                new StorageException(
                        Errno.ENOTCONN,
                        "no Gluster server answers for volume " + store
                                + ": see whether glusterd runs there, and whether" + " the name is right");
            case Gfapi.EIO ->
                new StorageException(
                        Errno.ENOTCONN,
                        "Gluster volume " + store + " cannot be used: it is stopped, or its bricks do not answer");
            default -> Failures.of(gfapi, error, "connect to volume " + store);
        };
    }

    /** Lets all go; each ends with its last user. */
    void close() {
        List<Attempt> left;
        synchronized (this) {
            closed = true;
            left = List.copyOf(all.values());
            all.clear();
        }
        for (Attempt a : left) {
            Connection made = a.result.getNow(null);
            if (made != null) {
                made.abandon();
            }
        }
    }
}
