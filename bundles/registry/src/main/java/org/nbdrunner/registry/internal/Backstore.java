package org.nbdrunner.registry.internal;

import static org.nbdrunner.api.control.BackstoreState.CREATED;
import static org.nbdrunner.api.control.BackstoreState.DEAD;
import static org.nbdrunner.api.control.BackstoreState.MAPPED;
import static org.nbdrunner.api.control.BackstoreState.MAPPING;
import static org.nbdrunner.api.control.BackstoreState.UNMAPPING;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.gate.Gate;
import org.nbdrunner.registry.internal.gate.Session;
import org.nbdrunner.registry.internal.gate.VolumeSlot;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.nbdrunner.registry.internal.store.SavedBackstore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One backstore: its state, its mapping and its volume.
 *
 * <pre>
 *                premap              postmap
 *  created ───────────────► mapping ────────► mapped ──┐ last connection ends,
 *     ▲  ▲  postmap failed     │                │ ▲     │ handler away too long
 *     │  └─────────────────────┘          unmap │ │     ▼
 *     │     last connection ends                ▼ └── dead   (premap, postmap; or the handler is back)
 *     ├───────────────────────────────── unmapping     │
 *     └────────────────────────────────────────────────┘ unmap
 * </pre>
 *
 * <p>Operations are called between {@link #lock} and {@link #unlock}; each change of state is on disk before they
 * return, and if it cannot be written nothing has changed. What happens to connections is remembered whether it can be
 * written or not.
 */
final class Backstore implements Session.Owner {
    private static final Logger LOG = LoggerFactory.getLogger(Backstore.class);
    private static final int MAX_RETRY_FACTOR = 16;

    private final String key;
    private final Surroundings around;
    private final Gate gate;
    private final VolumeSlot slot;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition left = lock.newCondition();
    private volatile String operation = "";

    /** Null if there is no such backstore (yet, or any more). Written with the lock held. */
    private volatile SavedBackstore saved;

    // The mapping, guarded by the lock.

    /** Counts mappings; a legacy connection belongs to the one that was the latest when it came. */
    private long epoch = Session.NO_EPOCH;

    /** Legacy connections are let in, and the volume is kept open for them. */
    private volatile boolean announced;

    /** The device of this epoch was reported. */
    private boolean confirmed;

    /** A connection of this epoch was there. */
    private boolean connected;

    /** A mapping that was begun is to be rolled back when its connection ends. */
    private boolean rollback;

    /** Operations that have let go of the lock and will go on. */
    private int waiting;

    /** What a handler met that could not open it for its clients; null if the last one could. */
    private volatile Failure failure;

    private record Failure(HandlerService handler, String reason) {}

    /** Its content is no more; it is listed for the sake of its mapping alone. */
    private boolean lost;

    private boolean discarded;
    private boolean retryPending;

    Backstore(String key, SavedBackstore saved, Surroundings around) {
        this.key = key;
        this.saved = saved;
        this.around = around;
        this.gate = new Gate(key, around.settings().timeout());
        this.slot = new VolumeSlot(gate, around.closer(), around.tasks());
    }

    // ---- who may touch it

    /**
     * Takes it for an operation.
     *
     * @throws StorageException {@link Errno#EBUSY} if another one goes on for too long
     */
    void lock(String forOperation) throws StorageException {
        try {
            if (!lock.tryLock(around.settings().patience().toNanos(), TimeUnit.NANOSECONDS)) {
                throw new StorageException(Errno.EBUSY, key + " is busy: " + operation + " goes on, try again later");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, key + ": interrupted while waiting for " + operation, e);
        }
        operation = forOperation;
    }

    void unlock() {
        lock.unlock();
    }

    /** Whether it was dropped from the table; who finds that looks there again. */
    boolean isDiscarded() {
        return discarded;
    }

    /** Drops it if there is nothing of it. */
    boolean discard() {
        discarded = saved == null && waiting == 0 && gate.isQuiet();
        return discarded;
    }

    // ---- what it is

    String key() {
        return key;
    }

    /** Null if it does not exist. */
    SavedBackstore saved() {
        return saved;
    }

    /** Whether it is a handler's, by the name that users type or the one that it is listed under while that is not known. */
    boolean isOf(String handler) {
        SavedBackstore s = saved;
        return s != null
                && (s.type() == HandlerTypes.type(handler)
                        || around.handlers().name(s.type()).equals(handler));
    }

    BackstoreInfo info() {
        SavedBackstore s = saved;
        return s == null
                ? null
                : new BackstoreInfo(
                        around.handlers().name(s.type()),
                        s.type(),
                        key,
                        s.state(),
                        s.device(),
                        s.mapTime(),
                        s.size(),
                        s.blockSize(),
                        s.timeout(),
                        s.readOnly(),
                        s.preallocated());
    }

    private String handlerName() {
        return around.handlers().name(saved.type());
    }

    private String exportName() {
        return handlerName() + "/" + key;
    }

    private BackstoreState state() {
        return saved.state();
    }

    // ---- create and delete
    //
    // Storage and record cannot change at one instant. The storage goes first, both ways. Killed between the two,
    // create leaves storage
    // that nobody was promised: it can be deleted, or mapped and so adopted. Delete leaves a record without storage: it
    // can be deleted
    // again, for storage that is not there counts as deleted. Never is there acknowledged storage without its record.

    void create(HandlerService handler, Cfgstring cfg, long size, boolean preallocate, ProgressListener progress)
            throws StorageException {
        if (saved != null) {
            throw new StorageException(Errno.EEXIST, key + " already exists!");
        }
        refuseForeignMember();
        handler.call(h -> {
            h.create(cfg, size, preallocate, progress);
            return null;
        });
        try {
            commit(SavedBackstore.create(handler.name(), size, preallocate)
                    .withOptions(handler.options(), cfg.options()));
        } catch (StorageException e) {
            undoCreate(handler, cfg);
            throw e;
        }
        LOG.info("Created {} of {} bytes", exportName(), size);
    }

    private void undoCreate(HandlerService handler, Cfgstring cfg) {
        try {
            deleteStorage(handler, cfg);
        } catch (StorageException e) {
            LOG.error("{}: what was created could not be recorded, and is left behind: {}", key, e.getMessage());
        }
    }

    /** Another program may have put something of its own into the file. */
    private void refuseForeignMember() throws StorageException {
        if (around.configuration().has(key)) {
            throw new StorageException(
                    Errno.EEXIST,
                    around.configuration().path() + " has a member \"" + key
                            + "\" that is no backstore; use another name");
        }
    }

    void delete(HandlerService handler, Cfgstring cfg) throws StorageException {
        awaitLeaving(CREATED);
        if (saved == null) {
            deleteStorage(handler, cfg);
            return;
        }
        requireOf(handler.name());
        if (state() != CREATED) {
            throw new StorageException(
                    Errno.EBUSY,
                    key + " is " + state().text() + (saved.device().isEmpty() ? "" : ", on " + saved.device())
                            + ": unmap it first");
        }
        if (!gate.isQuiet()) {
            throw new StorageException(Errno.EBUSY, key + " is in use by a client: disconnect it first");
        }
        if (!slot.awaitClosed(System.nanoTime() + around.settings().settle().toNanos())) {
            throw new StorageException(Errno.EBUSY, key + " is still being closed, try again later");
        }
        try {
            deleteStorage(handler, effective(handler, cfg));
        } catch (StorageException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            LOG.warn("{} was gone already: {}", exportName(), e.getMessage());
        }
        String name = exportName();
        commit(null);
        LOG.info("Deleted {}", name);
    }

    /** What it was in is no more. Clients that are there find out; a mapping is listed until it is ended. */
    void lose() throws StorageException {
        if (saved == null || isUsed()) {
            return;
        }
        String name = exportName();
        if (state() == CREATED) {
            commit(null);
            LOG.info("{} was in memory and is gone", name);
        } else {
            lost = true;
            LOG.warn("{} was in memory and is gone, unmap it from {}", name, saved.device());
        }
    }

    private static void deleteStorage(HandlerService handler, Cfgstring cfg) throws StorageException {
        handler.call(h -> {
            h.delete(cfg);
            return null;
        });
    }

    /**
     * Clients that were told to leave, or have just left, need a moment until that is seen here.
     *
     * @param state what else is waited in than {@link BackstoreState#UNMAPPING}, if clients are there
     */
    private void awaitLeaving(BackstoreState state) {
        long nanos = around.settings().settle().toNanos();
        waiting++;
        try {
            while (nanos > 0 && saved != null && (state() == UNMAPPING || (state() == state && !gate.isQuiet()))) {
                nanos = left.awaitNanos(nanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            waiting--;
        }
    }

    // ---- resize

    /** Gives it another size; returns the device that it is mapped to, or an empty string. */
    String resize(HandlerService handler, Cfgstring cfg, long size, boolean force) throws StorageException {
        awaitLeaving(UNMAPPING);
        if (saved == null) {
            throw new StorageException(Errno.ENOENT, "there is no backstore " + key);
        }
        requireOf(handler.name());
        if (state() == MAPPING || state() == UNMAPPING) {
            throw new StorageException(Errno.EBUSY, key + " is " + state().text() + ", try again later");
        }
        SavedBackstore as = cfg.options().isEmpty() ? saved : saved.withOptions(handler.options(), cfg.options());
        try {
            openVolume(handler, as, false, gate.timeout());
            VolumeInfo before = gate.latestInfo();
            checkResize(before, size, force);
            if (size != before.size()) {
                resizeVolume(handler, before.size(), size);
            }
        } catch (StorageException e) {
            afterFailedOpen(handler);
            throw e;
        }
        releaseIfUnused();
        if (saved.size() != size) {
            commit(saved.resized(size));
        }
        return saved.device();
    }

    private void resizeVolume(HandlerService handler, long before, long size) throws StorageException {
        slot.resize(handler, size, size < before, around.settings().resize());
        VolumeInfo after = gate.latestInfo();
        if (after == null || after.size() != size) {
            throw new StorageException(
                    Errno.EIO,
                    key + ": handler " + handler + " has resized it, but not to " + size + " bytes"
                            + (after == null ? "" : ": it has " + after.size()));
        }
        LOG.info("Resized {} from {} to {} bytes", exportName(), before, size);
    }

    private void checkResize(VolumeInfo now, long size, boolean force) throws StorageException {
        if (now.readOnly()) {
            throw new StorageException(Errno.EROFS, key + " is not resized: it cannot be written");
        }
        if (size % now.minimumBlock() != 0) {
            throw new StorageException(
                    Errno.EINVAL,
                    key + " has blocks of " + now.minimumBlock() + " bytes: " + size + " is no multiple of that");
        }
        if (size >= now.size() || force) {
            return;
        }
        String loss = "what is beyond " + size + " of its " + now.size() + " bytes would be lost";
        if (state() != CREATED) {
            throw new StorageException(
                    Errno.EBUSY,
                    key + " is " + state().text() + " on " + saved.device() + ", and " + loss
                            + ": unmap it first, or use force");
        } else if (gate.hasClients()) {
            throw new StorageException(
                    Errno.EBUSY, key + " is in use by a client, and " + loss + ": disconnect it first, or use force");
        }
        throw new StorageException(Errno.EINVAL, key + " would become smaller, " + loss + ": use force if it may be");
    }

    // ---- map

    /** Opens it for a mapping; the epoch of the mapping begins. */
    VolumeInfo premap(HandlerService handler, Cfgstring cfg, boolean readOnly, int timeout) throws StorageException {
        awaitLeaving(UNMAPPING);
        if (saved == null) {
            refuseForeignMember();
        } else {
            requireOf(handler.name());
            refuseIfInUse();
        }
        SavedBackstore base = saved != null ? saved : SavedBackstore.create(handler.name(), 0, false);
        if (!cfg.options().isEmpty()) {
            base = base.withOptions(handler.options(), cfg.options());
        }
        Duration before = gate.timeout();
        gate.setTimeout(Duration.ofSeconds(timeout));
        try {
            openVolume(handler, base, readOnly && !gate.hasWriters(), Duration.ofSeconds(timeout));
            if (saved != null) {
                refuseIfInUse(); // opening it may have brought a dead mapping back to life
            }
            VolumeInfo volume = gate.latestInfo();
            boolean effectiveReadOnly = readOnly || volume.readOnly();
            SavedBackstore next =
                    base.opened(volume.size(), Math.max(512, volume.minimumBlock()), timeout, effectiveReadOnly);
            commit(saved != null && state() == DEAD ? next.in(DEAD) : next.in(MAPPING));
            epoch++;
            announced = true;
            confirmed = false;
            connected = false;
            rollback = false;
            return effectiveReadOnly && !volume.readOnly()
                    ? volume.toBuilder().readOnly(true).build()
                    : volume;
        } catch (StorageException e) {
            gate.setTimeout(before);
            afterFailedOpen(handler);
            throw e;
        }
    }

    private void refuseIfInUse() throws StorageException {
        switch (state()) {
            case MAPPED -> throw new StorageException(Errno.EBUSY, key + " already mapped to " + saved.device() + "!");
            case UNMAPPING ->
                throw new StorageException(
                        Errno.EBUSY, key + " is being unmapped from " + saved.device() + ", try again later");
            case MAPPING, DEAD -> {
                if (announced && !confirmed && gate.isLive(epoch)) {
                    throw new StorageException(Errno.EBUSY, key + " is being mapped by another client");
                }
            }
            case CREATED -> {}
        }
    }

    void postmap(String handler, String device, String mapTime) throws StorageException {
        if (saved == null) {
            throw new StorageException(Errno.ENOENT, "there is no backstore " + key);
        }
        requireOf(handler);
        boolean begun = announced && !confirmed;
        if (device.isEmpty()) {
            if (begun) {
                rollBack();
            }
            return;
        }
        if (state() == MAPPED && saved.device().equals(device)) {
            return; // a client that did not get the first answer
        }
        if (!begun) {
            throw new StorageException(Errno.EINVAL, "no mapping of " + key + " was begun");
        }
        SavedBackstore mapped = saved.mapped(device, mapTime);
        boolean lost = connected && !gate.isLive(epoch);
        commit(lost ? mapped.in(DEAD) : mapped);
        confirmed = true;
        rollback = false;
        if (lost) {
            endMapping();
            LOG.warn("{} is mapped to {}, but its connection is lost already", exportName(), device);
        } else {
            LOG.info("Mapped {} to {}", exportName(), device);
        }
    }

    /**
     * A client that was refused rolls back too. So a mapping that has a connection is left alone until that ends: if it
     * really failed, its client closes the connection.
     */
    private void rollBack() throws StorageException {
        if (gate.isLive(epoch)) {
            rollback = true;
        } else if (state() == MAPPING) {
            unmapped();
        } else {
            endMapping();
        }
    }

    // ---- unmap

    /** Announces the end of a mapping; returns its device. */
    String unmap(String handler, String device) throws StorageException {
        if (!isOf(handler)
                || state() == CREATED
                || state() == MAPPING
                || !(device.isEmpty() || device.equals(saved.device()))) {
            throw new StorageException(Errno.ENODEV, "There is no maping for '" + key + "'!");
        }
        String was = saved.device();
        String name = exportName();
        if (gate.isLive(epoch)) {
            if (state() != UNMAPPING) {
                commit(saved.in(UNMAPPING));
            }
        } else {
            unmapped();
        }
        LOG.info("Unmapped {} from {}", name, was);
        return was;
    }

    private void unmapped() throws StorageException {
        commit(lost ? null : saved.unmapped());
        endMapping();
    }

    /** No legacy connection is let in any more; with the last client the volume goes too. */
    private void endMapping() {
        announced = false;
        rollback = false;
        gate.setTimeout(around.settings().timeout());
        releaseIfUnused();
        left.signalAll();
    }

    // ---- connections

    Session open(HandlerService handler, ExportListener listener) throws StorageException {
        if (!isOf(handler.name())) {
            throw new StorageException(Errno.ENOENT, "there is no export " + handler.name() + "/" + key);
        }
        try {
            // A volume that is open is shared as it is.
            openVolume(handler, saved, gate.isOpenReadOnly(), gate.timeout());
        } catch (StorageException e) {
            afterFailedOpen(handler);
            throw e;
        }
        Session session = gate.admit(this, exportName(), Session.NO_EPOCH, false, listener);
        long size = session.info().size();
        if (size != saved.size()) {
            LOG.info("{} has {} bytes now, {} before", exportName(), size, saved.size());
            note(saved.resized(size));
        }
        return session;
    }

    /**
     * Lets a legacy connection in. Those of earlier epochs have lost the export; the caller tells them, without the
     * lock.
     */
    Session openMapped(ExportListener listener, List<Session> revoked) throws StorageException {
        if (saved == null || !announced || state() == UNMAPPING) {
            throw new StorageException(Errno.EINVAL, "No such device found: " + key);
        }
        revoked.addAll(gate.revokeBefore(epoch, "a newer connection has taken the mapping over"));
        connected = true;
        return gate.admit(this, exportName(), epoch, saved.readOnly(), listener);
    }

    @Override
    public void disconnected(Session session) {
        lock.lock();
        try {
            gate.disconnected(session);
            connectionEnded(session);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void closed(Session session) {
        lock.lock();
        try {
            connectionEnded(session);
            releaseIfUnused();
            left.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void connectionEnded(Session session) {
        if (session.epoch() == Session.NO_EPOCH || session.epoch() != epoch || !announced || gate.isLive(epoch)) {
            return;
        }
        switch (state()) {
            case MAPPED -> {
                LOG.warn("{} on {} is dead: its connection has ended without an unmap", exportName(), saved.device());
                note(saved.in(DEAD));
                endMapping();
            }
            case UNMAPPING -> {
                note(saved.unmapped());
                endMapping();
            }
            case MAPPING -> {
                if (rollback) {
                    note(saved.unmapped());
                    endMapping();
                }
            }
            case DEAD -> {
                if (confirmed || rollback) {
                    endMapping();
                }
            }
            case CREATED -> {}
        }
    }

    // ---- the volume

    /** Whether clients use it, or are about to. */
    boolean isUsed() {
        return announced || gate.hasClients();
    }

    boolean isOpen() {
        return gate.isOpen();
    }

    boolean isOpenThrough(HandlerService handler) {
        return gate.isOpenThrough(handler);
    }

    /** Why a handler could not open it for its clients when it last tried; null if it could, or has not tried. */
    String failureOf(HandlerService handler) {
        Failure f = failure;
        return f != null && f.handler() == handler ? f.reason() : null;
    }

    /** How many requests its volume is at. */
    long inFlight() {
        return gate.inFlight();
    }

    /** Its handler is removed for good. */
    void abandon() {
        lock.lock();
        try {
            if (saved != null && state() == MAPPED) {
                LOG.warn("{} on {} is dead: its handler is removed", exportName(), saved.device());
                note(saved.in(DEAD));
            }
        } finally {
            lock.unlock();
        }
    }

    private void releaseIfUnused() {
        if (!isUsed()) {
            slot.release();
        }
    }

    /** Clients that are there go on as before, if there are any. */
    private void afterFailedOpen(HandlerService handler) {
        if (isUsed() && !gate.isOpen()) {
            around.tasks().run("open-" + key, () -> serve(handler));
        }
        releaseIfUnused();
    }

    private void openVolume(HandlerService handler, SavedBackstore as, boolean readOnly, Duration timeout)
            throws StorageException {
        Cfgstring cfg = Cfgstring.of(key, as.options(handler.options()));
        if (!slot.suits(handler, readOnly)) {
            shut(null);
        }
        slot.open(handler, () -> around.isServing(handler), cfg, OpenOptions.of(readOnly, timeout));
        if (saved != null && state() == DEAD && announced && confirmed && gate.isLive(epoch)) {
            LOG.info("{} on {} is back", exportName(), saved.device());
            note(saved.in(MAPPED));
        }
    }

    /** The given options, or else the saved ones. */
    private Cfgstring effective(HandlerService handler, Cfgstring cfg) throws StorageException {
        Map<String, String> options = cfg.options();
        return options.isEmpty() ? Cfgstring.of(key, saved.options(handler.options())) : cfg;
    }

    /** Its handler is about to go away: begins to flush its volume, while requests go on. */
    CompletableFuture<Void> flushAhead(HandlerService handler) {
        return gate.flushAhead(handler);
    }

    /**
     * Its handler (null: whichever it is) goes away or gives way to another one: closes the gate. Any thread, without
     * the lock; returns at once.
     */
    void shut(HandlerService handler) {
        if (slot.shut(handler)) {
            long since = gate.closedSince();
            around.tasks().later(gate.timeout(), "expire-" + key, () -> expire(since));
        }
    }

    /** Waits for a volume that is being closed, until a time of {@link System#nanoTime}; false, and an error in the log, if it is not then. */
    boolean awaitClosed(long deadline) {
        Optional<HandlerService> holder = slot.unclosed(deadline);
        holder.ifPresent(handler -> LOG.error(
                "{}: bundle {} has not closed the volume in time, nbd-runner stops without it", key, handler.origin()));
        return holder.isEmpty();
    }

    /** Waits for a handler's volume only: another's may never close. */
    void awaitClosed(HandlerService handler, long deadline) {
        slot.awaitClosed(handler, deadline);
    }

    private void expire(long since) {
        lock.lock();
        try {
            if (gate.isOpen() || gate.closedSince() != since || !isUsed()) {
                return;
            }
            LOG.error(
                    "{}: its handler was away for over {} s, its clients get errors",
                    exportName(),
                    gate.timeout().toSeconds());
            if (state() == MAPPED) {
                note(saved.in(DEAD));
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * A handler serves that did not before: moves the clients to it, if there are any, and keeps trying while there
     * are.
     */
    void serve(HandlerService handler) {
        serve(handler, 1);
    }

    private void serve(HandlerService handler, int delay) {
        lock.lock();
        try {
            if (saved == null || saved.type() != handler.type() || !isUsed() || !around.isServing(handler)) {
                return;
            }
            operation = "opening it";
            boolean readOnly = !gate.hasWriters() && (!announced || saved.readOnly());
            openVolume(handler, saved, readOnly, gate.timeout());
            failure = null;
        } catch (StorageException e) {
            LOG.error("{}: handler {} could not open it for its clients: {}", exportName(), handler, e.getMessage());
            failure = new Failure(handler, exportName() + ": " + e.getMessage());
            retry(handler, delay);
        } finally {
            lock.unlock();
            around.changes().tell();
        }
    }

    private void retry(HandlerService failed, int delay) {
        if (retryPending) {
            return;
        }
        retryPending = true;
        around.tasks().later(around.settings().retry().multipliedBy(delay), "open-" + key, () -> {
            lock.lock();
            try {
                retryPending = false;
                int longer = Math.min(delay * 2, MAX_RETRY_FACTOR);
                around.handlers().serving(failed.name()).ifPresent(h -> serve(h, h == failed ? longer : 1));
            } finally {
                lock.unlock();
            }
        });
    }

    /** Lets nothing through any more; returns the connections to be told. */
    List<Session> stop() {
        List<Session> revoked = gate.stop();
        slot.shut(null);
        return revoked;
    }

    // ---- the record

    private void requireOf(String handler) throws StorageException {
        if (!isOf(handler)) {
            throw new StorageException(
                    Errno.ENOENT,
                    "handler " + handler + " has no backstore " + key + ", handler " + handlerName() + " has");
        }
    }

    private void commit(SavedBackstore next) throws StorageException {
        around.configuration().commit(key, next);
        saved = next;
    }

    private void note(SavedBackstore next) {
        around.configuration().note(key, next);
        saved = next;
    }
}
