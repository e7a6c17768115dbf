package org.nbdrunner.registry.internal.gate;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection at a gate.
 *
 * <p><strong>Why no request slips through a closing gate.</strong> A request costs no lock and shares no counter with
 * other connections:
 *
 * <pre>
 * submit:  submitted = n + 1          close:  volume = null
 *          v = volume                         read completed, submitted
 *          if v is null: submitted = n        until they are equal
 * </pre>
 *
 * All four accesses are volatile, so they have one total order that every thread agrees on (this is Dekker's algorithm;
 * weaker modes would let both sides read before either write is seen). If {@code submit} got a volume, its read comes
 * before the write of null, hence its count before the gate's reading of it: the gate waits for that request. Otherwise
 * it read null, and takes the request back. The same holds between a completing thread ({@code completed}, then {@code
 * watched}) and the gate ({@code watched}, then {@code completed}): either the gate sees the completion, or the thread
 * sees that the gate is to be woken.
 */
public final class Session implements OpenExport {
    /** The epoch of a connection that belongs to no mapping. */
    public static final long NO_EPOCH = 0;

    /** Is told what becomes of a connection. */
    public interface Owner {

        /**
         * Nothing more is submitted. May be told more than once.
         *
         * @param session the connection
         */
        void disconnected(Session session);

        /**
         * It is over. Told once.
         *
         * @param session the connection
         */
        void closed(Session session);
    }

    private static final Logger LOG = LoggerFactory.getLogger(Session.class);

    /** A handler that keeps to the time for which requests wait tells of its failure itself, if it is a little late too. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private static final VarHandle SUBMITTED = counter("submitted");
    private static final VarHandle COMPLETED = counter("completed");

    private final Gate gate;
    private final Owner owner;
    private final String name;
    private final VolumeInfo info;
    private final long epoch;
    private final ExportListener listener;

    /** Requests taken so far. Written by the reading thread alone, through the handle. */
    @SuppressWarnings("unused")
    private long submitted;

    /** Requests completed so far. Written by any thread, through the handle. */
    @SuppressWarnings("unused")
    private long completed;

    /** Where requests go; null while the connection must wait. Written by the gate. */
    private volatile Volume volume;

    /** Whether the gate wants to know when nothing is in flight any more. Written by the gate. */
    private volatile boolean watched;

    // What follows is the gate's, guarded by its monitor.

    /** Nothing is submitted any more: the client is gone, or has lost its export. */
    private boolean gone;

    /** The engine has let go of it. */
    private boolean closed;

    /** What is in flight will never run: its volume is closed. */
    private boolean lost;

    private String revoked;

    Session(Gate gate, Owner owner, String name, VolumeInfo info, long epoch, ExportListener listener) {
        this.gate = gate;
        this.owner = owner;
        this.name = name;
        this.info = info;
        this.epoch = epoch;
        this.listener = listener;
    }

    private static VarHandle counter(String field) {
        try {
            return MethodHandles.lookup().findVarHandle(Session.class, field, long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    @Override
    public long reach() {
        return epoch == NO_EPOCH ? info.size() : Math.max(info.size(), gate.size());
    }

    @Override
    public Duration requestTimeout() {
        return gate.timeout().plus(GRACE);
    }

    @Override
    public boolean submit(IoRequest request) {
        long before = (long) SUBMITTED.get(this);
        SUBMITTED.setVolatile(this, before + 1);
        Volume v = volume;
        if (v == null) {
            SUBMITTED.setVolatile(this, before);
            wakeGate();
            return false;
        }
        try {
            v.submit(request);
        } catch (Throwable t) {
            // Whatever a handler throws, a class that cannot be loaded any more included, is this request's failure
            // alone.
            request.fail(t);
        }
        return true;
    }

    @Override
    public void completed() {
        COMPLETED.getAndAdd(this, 1L);
        wakeGate();
    }

    private void wakeGate() {
        if (watched && idle()) {
            gate.settled();
        }
    }

    @Override
    public void awaitOpen() throws StorageException, InterruptedException {
        gate.await(this);
    }

    @Override
    public void disconnected() {
        owner.disconnected(this);
    }

    @Override
    public void close(boolean clean) {
        if (gate.closed(this)) {
            owner.closed(this);
        }
    }

    /**
     * Tells the engine that the connection has lost its export, if it has. Without any lock: the engine may close it in
     * this call.
     */
    public void tellRevoked() {
        String reason = gate.revocation(this);
        if (reason == null) {
            return;
        }
        try {
            listener.revoked(reason);
        } catch (RuntimeException e) {
            LOG.error("{}: a connection could not be told that it has lost its export", name, e);
        }
    }

    /**
     * The mapping's epoch to which the connection belongs.
     *
     * @return {@link #NO_EPOCH} if it belongs to no mapping
     */
    public long epoch() {
        return epoch;
    }

    /** Whether nothing is in flight. */
    boolean idle() {
        return inFlight() == 0;
    }

    long inFlight() {
        return (long) SUBMITTED.getVolatile(this) - (long) COMPLETED.getVolatile(this);
    }

    // Called with the gate's monitor held.

    void letThrough(Volume to) {
        // Writing what is there already would take the reading thread's cache line away for nothing.
        if (watched) {
            watched = false;
        }
        if (volume != to) {
            volume = to;
        }
    }

    void bar() {
        volume = null;
        watched = true;
    }

    boolean mayRun() {
        return volume != null;
    }

    boolean isGone() {
        return gone;
    }

    boolean isClosed() {
        return closed;
    }

    String revoked() {
        return revoked;
    }

    void setGone() {
        gone = true;
    }

    void setClosed() {
        gone = true;
        closed = true;
    }

    void setRevoked(String reason) {
        gone = true;
        revoked = reason;
    }

    void setLost() {
        lost = true;
    }

    /** Whether a request that it left behind may still take effect. */
    boolean leavesRequests() {
        return gone && !lost && !idle();
    }
}
