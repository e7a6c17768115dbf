package org.nbdrunner.registry.internal.gate;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Errno;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes volumes: waits for what is in flight, flushes, closes. Each on a thread of its own, so that a handler that
 * does not return holds up nobody but itself.
 */
public final class VolumeCloser {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeCloser.class);

    private final Tasks tasks;
    private final Duration close;
    private final Consumer<String> unclean;
    private volatile Duration drain;

    /**
     * Closes volumes.
     *
     * @param tasks runs it
     * @param drain how long requests in flight may take to end
     * @param close how long the flush may take, and then how long the volume may take to close, until that is logged
     * @param unclean told of each backstore whose volume could not be flushed or closed as it should
     */
    public VolumeCloser(Tasks tasks, Duration drain, Duration close, Consumer<String> unclean) {
        this.tasks = tasks;
        this.drain = drain;
        this.close = close;
        this.unclean = unclean;
    }

    /**
     * How long closing takes when each step takes as long as it may.
     *
     * @return the sum of the bounds
     */
    public Duration bound() {
        return drain.plus(close).plus(close);
    }

    /**
     * From now on requests in flight have less time to end, so that the flush has its share.
     *
     * @param shorter how long they may take
     */
    public void hasten(Duration shorter) {
        drain = shorter;
    }

    /** Begins; the closing tells when it is done. */
    void start(Gate gate, Closing closing) {
        tasks.run("close-" + gate, () -> run(gate, closing));
        tasks.later(bound(), "close-watch-" + gate, () -> {
            if (!closing.done().isDone()) {
                LOG.error(
                        "{}: handler {} has not closed the volume in {} s; its bundle {} is left alone with it",
                        gate,
                        closing.opened().handler(),
                        bound().toSeconds(),
                        closing.opened().handler().origin());
            }
        });
    }

    private void run(Gate gate, Closing closing) {
        List<Session> stuck = List.of();
        try {
            await(gate.ahead());
            stuck = drain(gate, closing);
            flush(gate, closing);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            close(gate, closing);
            gate.ended(closing, stuck);
        }
    }

    /** A flush that fails, or never ends, is told of when the next one does. */
    private void await(CompletableFuture<Void> ahead) throws InterruptedException {
        try {
            ahead.get(drain.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException | ExecutionException e) {
            LOG.debug("A flush ahead of the last one has not worked", e);
        }
    }

    /**
     * The connections that still have requests in flight when the time is up. They cannot go on with another volume.
     */
    private List<Session> drain(Gate gate, Closing closing) throws InterruptedException {
        Duration timeout = gate.timeout();
        Duration bound = drain;
        if (gate.awaitIdle(closing.sessions(), bound.compareTo(timeout) < 0 ? bound : timeout)) {
            return List.of();
        }
        List<Session> revoked =
                gate.revokeBusy(closing.sessions(), "its requests were lost with the volume that they were in");
        List<Session> stuck = closing.sessions().stream().filter(s -> !s.idle()).toList();
        LOG.error(
                "{}: handler {} does not complete requests, the connections they came from are ended; requests: {}",
                gate,
                closing.opened().handler(),
                stuck.stream().mapToLong(Session::inFlight).sum());
        // Not on this thread: who opens the next volume waits for it, and may hold what these need.
        tasks.run(
                "revoke-" + gate,
                () -> revoked.forEach(s -> {
                    s.disconnected();
                    s.tellRevoked();
                }));
        return stuck;
    }

    private void flush(Gate gate, Closing closing) throws InterruptedException {
        OpenVolume opened = closing.opened();
        if (!opened.info().can(Capability.FLUSH) || opened.info().readOnly()) {
            return;
        }
        FlushRequest flush = new FlushRequest();
        try {
            opened.volume().submit(flush);
        } catch (RuntimeException | Error e) {
            flush.fail(e);
        }
        try {
            flush.done().get(close.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            unclean.accept(gate.toString());
            LOG.error("{}: handler {} has not flushed the volume in {} s", gate, opened.handler(), close.toSeconds());
        } catch (ExecutionException e) {
            unclean.accept(gate.toString());
            LOG.error(
                    "{}: handler {} could not flush the volume, writes may be lost: {}",
                    gate,
                    opened.handler(),
                    Errno.describe(e.getCause()));
        }
    }

    private void close(Gate gate, Closing closing) {
        try {
            closing.opened().volume().close();
        } catch (Exception | Error e) {
            unclean.accept(gate.toString());
            LOG.error(
                    "{}: handler {} could not close the volume properly",
                    gate,
                    closing.opened().handler(),
                    e);
        }
    }
}
