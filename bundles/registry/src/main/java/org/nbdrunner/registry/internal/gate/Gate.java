package org.nbdrunner.registry.internal.gate;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What stands between the connections of one backstore and its volume: open, it lets requests through to the volume;
 * closed, it makes them wait, until it opens again or their patience ends.
 *
 * <p>It also fences. A connection of a mapping that is gone may have left requests behind which still run. Its
 * successors are let through only when those have completed, or are known never to run because their volume is closed;
 * so a late write of the old connection never lands on a newer one.
 *
 * <p>For use by any thread. No handler and no client is called with the monitor held, so none of these methods waits
 * for one, save {@link #await}.
 */
public final class Gate {
    private static final Logger LOG = LoggerFactory.getLogger(Gate.class);
    private static final String STOPPED = "the registry stops";
    private static final Set<Capability> OF_WRITERS =
            EnumSet.of(Capability.FUA, Capability.TRIM, Capability.WRITE_ZEROES, Capability.FAST_ZERO);

    private final String key;
    private final ReentrantLock monitor = new ReentrantLock();
    private final Condition changed = monitor.newCondition();

    /** Those that the engine has not closed, and those closed whose requests may still run. */
    private final List<Session> sessions = new ArrayList<>();

    private Duration timeout;

    /** Null while the gate is closed. */
    private OpenVolume open;

    /** What the clients were promised; null if there are none. */
    private VolumeInfo info;

    /** The last flush of {@link #flushAhead}. */
    private CompletableFuture<Void> ahead = CompletableFuture.completedFuture(null);

    /** The volume that was open before, as long as it is not closed. */
    private Closing closing;

    private long closedSince = System.nanoTime();
    private boolean obstructed;
    private long obstructedSince;

    /** Requests wait although there is a volume: it is becoming smaller. */
    private boolean held;

    private long heldSince;

    /** The size that the volume was last seen to have. */
    private volatile long size;

    private boolean stopped;

    /**
     * A closed gate.
     *
     * @param key the backstore
     * @param timeout how long requests wait for it
     */
    public Gate(String key, Duration timeout) {
        this.key = key;
        this.timeout = timeout;
    }

    /**
     * Changes how long requests wait.
     *
     * @param newTimeout from when the gate closed
     */
    public void setTimeout(Duration newTimeout) {
        monitor.lock();
        try {
            timeout = newTimeout;
            changed.signalAll();
        } finally {
            monitor.unlock();
        }
    }

    /**
     * How long requests wait.
     *
     * @return from when the gate closed
     */
    public Duration timeout() {
        monitor.lock();
        try {
            return timeout;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether requests get through.
     *
     * @return false while there is no volume
     */
    public boolean isOpen() {
        monitor.lock();
        try {
            return open != null;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Tells one closed time from another.
     *
     * @return when it closed, by {@link System#nanoTime}; meaningless while it is open
     */
    public long closedSince() {
        monitor.lock();
        try {
            return closedSince;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * What the open volume is now (it may have been resized), or the last one was.
     *
     * @return null if no client has any use for it
     */
    public VolumeInfo latestInfo() {
        OpenVolume o;
        monitor.lock();
        try {
            o = open;
            if (o == null) {
                return info;
            }
        } finally {
            monitor.unlock();
        }
        VolumeInfo latest;
        try {
            latest = Objects.requireNonNullElse(o.volume().info(), o.info());
        } catch (RuntimeException | LinkageError e) {
            LOG.error("{}: handler {} could not describe it", key, o.handler(), e);
            latest = o.info();
        }
        size = latest.size();
        return latest;
    }

    /** The size that the volume was last seen to have. */
    long size() {
        return size;
    }

    /**
     * Whether the volume is one of this handler.
     *
     * @param handler the handler
     * @return false also if there is none
     */
    public boolean isOpenThrough(HandlerService handler) {
        monitor.lock();
        try {
            return open != null && open.handler() == handler;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether there is a volume that cannot be written.
     *
     * @return false also if there is none
     */
    public boolean isOpenReadOnly() {
        monitor.lock();
        try {
            return open != null && open.info().readOnly();
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether some connection was promised that it can write.
     *
     * @return true if there is one that can still submit
     */
    public boolean hasWriters() {
        monitor.lock();
        try {
            return sessions.stream().anyMatch(s -> !s.isGone() && !s.info().readOnly());
        } finally {
            monitor.unlock();
        }
    }

    /** What of a volume breaks the promises made to the clients that are here; null if nothing does. */
    String misfit(VolumeInfo candidate) {
        monitor.lock();
        try {
            if (info == null) {
                return null;
            }
            if (candidate.size() != info.size()) {
                return "it has " + candidate.size() + " bytes, its clients know " + info.size();
            }
            if (!candidate.identity().isEmpty()
                    && !info.identity().isEmpty()
                    && !candidate.identity().equals(info.identity())) {
                return "it is another one of the same name (" + candidate.identity() + " instead of " + info.identity()
                        + ")";
            }
            if (candidate.minimumBlock() > info.minimumBlock() || candidate.maximumPayload() < info.maximumPayload()) {
                return "it has other block sizes than its clients know";
            }
            boolean writers = hasWriters();
            if (candidate.readOnly() && writers) {
                return "it cannot be written any more";
            }
            Set<Capability> missing = EnumSet.noneOf(Capability.class);
            missing.addAll(info.capabilities());
            missing.removeAll(candidate.capabilities());
            missing.remove(Capability.ROTATIONAL);
            if (!writers) {
                missing.removeAll(OF_WRITERS);
            }
            return missing.isEmpty() ? null : "it lacks what its clients were offered: " + missing;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Opens the gate.
     *
     * @param to the volume
     * @param serving whether the volume's handler still serves; asked with the monitor held, so that a handler which is
     *     removed after this was asked finds the volume here and closes it
     * @return false if the gate stays closed and the volume is the caller's to close
     */
    boolean open(OpenVolume to, BooleanSupplier serving) {
        monitor.lock();
        try {
            if (stopped || open != null || !serving.getAsBoolean()) {
                return false;
            }
            open = to;
            info = to.info();
            size = info.size();
            held = false;
            refresh();
            return true;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Begins a flush of the volume if it is of this handler, while requests go on. After it the gate is closed for a
     * shorter time, for less is left to flush then.
     *
     * @param handler the handler
     * @return completes with the flush, at once if there is none to be done
     */
    public CompletableFuture<Void> flushAhead(HandlerService handler) {
        FlushRequest flush = new FlushRequest();
        Volume volume;
        monitor.lock();
        try {
            if (open == null
                    || open.handler() != handler
                    || !ahead.isDone()
                    || !open.info().can(Capability.FLUSH)
                    || open.info().readOnly()) {
                return ahead;
            }
            // Seen by whoever closes the volume from now on.
            ahead = flush.done();
            volume = open.volume();
        } finally {
            monitor.unlock();
        }
        try {
            volume.submit(flush);
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            flush.fail(e);
        }
        return flush.done();
    }

    /**
     * Gives the volume to somebody who does something else with it than I/O.
     *
     * @param handler whose it is
     * @param until when that is done; it is not closed before
     * @return null if there is no volume of this handler
     */
    Volume borrow(HandlerService handler, CompletableFuture<Void> until) {
        monitor.lock();
        try {
            if (open == null || open.handler() != handler) {
                return null;
            }
            ahead = CompletableFuture.allOf(ahead, until);
            return open.volume();
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Makes requests wait, and waits until none is in flight.
     *
     * @param bound for how long
     * @return false if some do not end in that time
     */
    boolean hold(Duration bound) throws InterruptedException {
        List<Session> all;
        monitor.lock();
        try {
            held = true;
            heldSince = System.nanoTime();
            refresh();
            all = List.copyOf(sessions);
        } finally {
            monitor.unlock();
        }
        return awaitIdle(all, bound);
    }

    /** Lets those through that {@link #hold} made wait. */
    void resume() {
        monitor.lock();
        try {
            held = false;
            refresh();
        } finally {
            monitor.unlock();
        }
    }

    /** What {@link #flushAhead} has begun, or {@link #borrow}; nothing may be closed before it is done. */
    CompletableFuture<Void> ahead() {
        monitor.lock();
        try {
            return ahead;
        } finally {
            monitor.unlock();
        }
    }

    /** Closes the gate if its volume is of this handler, null standing for any; null if there was nothing to close. */
    Closing shut(HandlerService handler) {
        if (handler != null && !isOpenThrough(handler)) {
            return null;
        }
        VolumeInfo latest = latestInfo();
        monitor.lock();
        try {
            if (open == null || (handler != null && open.handler() != handler)) {
                return null;
            }
            OpenVolume was = open;
            open = null;
            info = latest;
            closedSince = System.nanoTime();
            refresh();
            closing = new Closing(was, List.copyOf(sessions), new CompletableFuture<>());
            return closing;
        } finally {
            monitor.unlock();
        }
    }

    /** No client has any use for the volume. */
    Closing release() {
        monitor.lock();
        try {
            Closing c = shut(null);
            info = null;
            return c;
        } finally {
            monitor.unlock();
        }
    }

    /** The volume on its way out; null if there is none. */
    Closing closing() {
        monitor.lock();
        try {
            return closing;
        } finally {
            monitor.unlock();
        }
    }

    /** A volume is closed: what these connections, all of them gone, had in flight in it will never run. */
    void ended(Closing ended, Collection<Session> stuck) {
        monitor.lock();
        try {
            stuck.forEach(Session::setLost);
            if (ended.equals(closing)) {
                closing = null;
            }
            refresh();
        } finally {
            monitor.unlock();
        }
        ended.done().complete(null);
    }

    /** Waits until none of the connections has anything in flight; false if that did not come about in time. */
    boolean awaitIdle(Collection<Session> of, Duration bound) throws InterruptedException {
        long left = bound.toNanos();
        monitor.lockInterruptibly();
        try {
            while (!of.stream().allMatch(Session::idle)) {
                if (left <= 0) {
                    return false;
                }
                left = changed.awaitNanos(left);
            }
            return true;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Lets a connection in.
     *
     * @param owner told of its end
     * @param name the export's name
     * @param epoch the mapping's epoch, or {@link Session#NO_EPOCH}
     * @param readOnly whether it must not write
     * @param listener the engine's side
     * @return the connection; its requests wait while the gate is closed, or requests of lost connections of the
     *     mapping still run
     */
    public Session admit(Session.Owner owner, String name, long epoch, boolean readOnly, ExportListener listener) {
        VolumeInfo current = latestInfo();
        VolumeInfo promised = readOnly && !current.readOnly()
                ? current.toBuilder().readOnly(true).build()
                : current;
        monitor.lock();
        try {
            Session session = new Session(this, owner, name, promised, epoch, listener);
            if (stopped) {
                session.setRevoked(STOPPED);
            }
            sessions.add(session);
            refresh();
            return session;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Takes the export away from the mapping's connections of older epochs. Nothing that they have not submitted yet
     * will ever run.
     *
     * @param epoch the newest one
     * @param reason for the log
     * @return those to be told
     */
    public List<Session> revokeBefore(long epoch, String reason) {
        return revoke(reason, s -> s.epoch() != Session.NO_EPOCH && s.epoch() < epoch);
    }

    /** Takes the export away from those of some connections that still have requests in flight. */
    List<Session> revokeBusy(Collection<Session> of, String reason) {
        return revoke(reason, s -> of.contains(s) && !s.idle());
    }

    private List<Session> revoke(String reason, Predicate<Session> which) {
        monitor.lock();
        try {
            List<Session> revoked = new ArrayList<>();
            for (Session s : sessions) {
                if (!s.isClosed() && s.revoked() == null && which.test(s)) {
                    s.setRevoked(reason);
                    revoked.add(s);
                }
            }
            refresh();
            return revoked;
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Lets nothing through any more and takes the export away from every connection.
     *
     * @return those to be told
     */
    public List<Session> stop() {
        monitor.lock();
        try {
            stopped = true;
            return revoke(STOPPED, s -> true);
        } finally {
            monitor.unlock();
        }
    }

    /**
     * A connection submits nothing any more.
     *
     * @param session the connection
     */
    public void disconnected(Session session) {
        monitor.lock();
        try {
            session.setGone();
            refresh();
        } finally {
            monitor.unlock();
        }
    }

    /** The engine has let go of a connection; false if it had done so before. */
    boolean closed(Session session) {
        monitor.lock();
        try {
            if (session.isClosed()) {
                return false;
            }
            session.setClosed();
            refresh();
            return true;
        } finally {
            monitor.unlock();
        }
    }

    String revocation(Session session) {
        monitor.lock();
        try {
            return session.revoked();
        } finally {
            monitor.unlock();
        }
    }

    /** A watched connection has nothing in flight any more. */
    void settled() {
        monitor.lock();
        try {
            refresh();
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether a mapping has a connection.
     *
     * @param epoch the mapping's epoch
     * @return true if there is one that can still submit
     */
    public boolean isLive(long epoch) {
        monitor.lock();
        try {
            return sessions.stream().anyMatch(s -> s.epoch() == epoch && !s.isGone());
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether some connection needs the volume.
     *
     * @return true if there is one that the engine has not closed
     */
    public boolean hasClients() {
        monitor.lock();
        try {
            return sessions.stream().anyMatch(s -> !s.isClosed());
        } finally {
            monitor.unlock();
        }
    }

    /**
     * How many requests the volume is at.
     *
     * @return those of all connections
     */
    public long inFlight() {
        monitor.lock();
        try {
            return sessions.stream().mapToLong(Session::inFlight).sum();
        } finally {
            monitor.unlock();
        }
    }

    /**
     * Whether there is no connection, and none that is gone has left a request behind.
     *
     * @return true if nothing runs or will
     */
    public boolean isQuiet() {
        monitor.lock();
        try {
            return sessions.isEmpty();
        } finally {
            monitor.unlock();
        }
    }

    /** Decides for each connection whether its requests get through. With the monitor held. */
    private void refresh() {
        boolean leftBehind = false;
        for (Session s : sessions) {
            if (s.isGone()) {
                s.bar();
                leftBehind |= s.epoch() != Session.NO_EPOCH && s.leavesRequests();
            }
        }
        if (leftBehind && !obstructed) {
            obstructedSince = System.nanoTime();
        }
        obstructed = leftBehind;
        sessions.removeIf(s -> s.isClosed() && !s.leavesRequests());
        Volume volume = open == null ? null : open.volume();
        for (Session s : sessions) {
            if (s.isGone()) {
                continue;
            }
            if (volume == null || held || (obstructed && s.epoch() != Session.NO_EPOCH)) {
                s.bar();
            } else {
                s.letThrough(volume);
            }
        }
        changed.signalAll();
    }

    /** Waits until a connection's requests get through. */
    void await(Session session) throws StorageException, InterruptedException {
        monitor.lockInterruptibly();
        try {
            while (!session.mayRun()) {
                if (session.revoked() != null) {
                    throw new StorageException(Errno.EIO, session.name() + ": " + session.revoked());
                }
                if (session.isGone()) {
                    throw new StorageException(Errno.EIO, session.name() + ": the connection is closed");
                }
                long since = open == null ? closedSince : held ? heldSince : obstructedSince;
                long left = timeout.toNanos() - (System.nanoTime() - since);
                if (left <= 0) {
                    throw new StorageException(Errno.EIO, session.name() + ": " + whyClosed());
                }
                changed.awaitNanos(left);
            }
        } finally {
            monitor.unlock();
        }
    }

    private String whyClosed() {
        if (open != null && held) {
            return "it has been becoming smaller for over " + timeout.toSeconds() + " s";
        }
        return open == null
                ? "its handler has been away, or could not open it, for over " + timeout.toSeconds() + " s"
                : "requests of a lost connection have not completed for over " + timeout.toSeconds() + " s";
    }

    @Override
    public String toString() {
        return key;
    }
}
