package org.nbdrunner.registry.internal.gate;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one volume of a backstore behind its gate: opens it through a handler and closes it again, never both at once.
 * {@link #open}, {@link #resize} and {@link #release} are for one thread at a time, {@link #shut} for any.
 */
public final class VolumeSlot {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeSlot.class);

    private final Gate gate;
    private final VolumeCloser closer;
    private final Tasks tasks;

    /** What {@link #resize} has begun last. */
    private CompletableFuture<Void> resizing = CompletableFuture.completedFuture(null);

    /**
     * A slot without a volume.
     *
     * @param gate opens and closes with the volume
     * @param closer closes volumes
     * @param tasks opens them
     */
    public VolumeSlot(Gate gate, VolumeCloser closer, Tasks tasks) {
        this.gate = gate;
        this.closer = closer;
        this.tasks = tasks;
    }

    /**
     * Whether there is no volume yet, or one that will do.
     *
     * @param handler what must have opened it
     * @param readOnly whether nobody will write to it
     * @return false if it must be shut before another one can be opened
     */
    public boolean suits(HandlerService handler, boolean readOnly) {
        return !gate.isOpen() || (gate.isOpenThrough(handler) && (readOnly || !gate.isOpenReadOnly()));
    }

    /**
     * Sees to it that there is a volume and the gate is open. A handler that takes longer than the options' timeout, or
     * is retired meanwhile, is not waited for: what it opens in the end is closed again.
     *
     * @param handler opens it
     * @param serving whether the handler still serves
     * @param cfg names the backstore
     * @param options how
     * @throws StorageException what the handler met; {@link Errno#EIO} if the volume is not the one that the clients
     *     know, {@link Errno#EAGAIN} if the handler was replaced meanwhile, {@link Errno#ETIMEDOUT} if it takes too long
     */
    public void open(HandlerService handler, BooleanSupplier serving, Cfgstring cfg, OpenOptions options)
            throws StorageException {
        if (gate.isOpen()) {
            return;
        }
        if (!awaitClosed(System.nanoTime() + closer.bound().toNanos())) {
            LOG.warn("{}: it is opened again although the volume before is not closed yet", gate);
        }
        AtomicBoolean abandoned = new AtomicBoolean();
        CompletableFuture<Void> opening = new CompletableFuture<>();
        tasks.run("open-" + gate, () -> {
            try {
                handler.call(h -> {
                    openThrough(h, handler, () -> !abandoned.get() && serving.getAsBoolean(), cfg, options);
                    return null;
                });
                opening.complete(null);
            } catch (StorageException | RuntimeException | Error e) {
                opening.completeExceptionally(e);
            }
        });
        await(opening, handler, cfg, options.timeout(), abandoned);
    }

    private static void await(
            CompletableFuture<Void> opening,
            HandlerService handler,
            Cfgstring cfg,
            Duration bound,
            AtomicBoolean abandoned)
            throws StorageException {
        try {
            CompletableFuture.anyOf(opening, handler.retirement()).get(bound.toNanos(), TimeUnit.NANOSECONDS);
            if (opening.isDone()) {
                opening.get();
                return;
            }
            abandoned.set(true);
            throw new StorageException(
                    Errno.EAGAIN, cfg.key() + ": handler " + handler + " was removed while it opened it");
        } catch (TimeoutException e) {
            abandoned.set(true);
            throw new StorageException(
                    Errno.ETIMEDOUT,
                    cfg.key() + ": handler " + handler + " has not opened it within " + bound.toSeconds() + " s",
                    e);
        } catch (InterruptedException e) {
            abandoned.set(true);
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, cfg.key() + ": interrupted while it was opened", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof StorageException s) {
                throw new StorageException(s.errno(), s.getMessage(), s);
            }
            throw new StorageException(Errno.EIO, cfg.key() + ": " + Errno.describe(e.getCause()), e.getCause());
        }
    }

    private void openThrough(
            Handler h, HandlerService service, BooleanSupplier serving, Cfgstring cfg, OpenOptions options)
            throws IOException {
        Volume volume = h.open(cfg, options);
        if (volume == null) {
            throw new StorageException(Errno.EIO, cfg.key() + ": handler " + service + " opened nothing");
        }
        VolumeInfo info = null;
        String misfit;
        try {
            info = volume.info();
            misfit = info == null ? "it does not say what it is" : gate.misfit(info);
        } catch (RuntimeException | LinkageError e) {
            misfit = "it does not say what it is: " + Errno.describe(e);
        }
        OpenVolume opened =
                new OpenVolume(volume, info == null ? VolumeInfo.builder(0).build() : info, service);
        if (misfit == null && gate.open(opened, serving)) {
            return;
        }
        // Within the handler's call, so that its bundle does not stop before this is done.
        Closing unused = new Closing(opened, List.of(), new CompletableFuture<>());
        begin(unused);
        unused.await(System.nanoTime() + closer.bound().toNanos());
        throw misfit == null
                ? new StorageException(
                        Errno.EAGAIN, cfg.key() + ": handler " + service + " is being replaced, try again")
                : new StorageException(
                        Errno.EIO,
                        cfg.key() + ": handler " + service + " opened a volume that does not fit: " + misfit);
    }

    /**
     * Gives the open volume another size. If it becomes smaller, requests wait meanwhile: one that was under way could otherwise make it
     * larger again.
     *
     * @param handler whose volume it is
     * @param size bytes
     * @param smaller whether that is less than before
     * @param bound how long it may take
     * @throws StorageException what the handler met; {@link Errno#EAGAIN} if it is not open any more, {@link Errno#EBUSY} if requests do
     *     not end, {@link Errno#ETIMEDOUT} if it takes too long: it goes on then, and whoever waits for it goes on waiting
     */
    public void resize(HandlerService handler, long size, boolean smaller, Duration bound) throws StorageException {
        if (!resizing.isDone()) {
            throw new StorageException(Errno.EBUSY, gate + " is still being resized, try again later");
        }
        long deadline = System.nanoTime() + bound.toNanos();
        CompletableFuture<Void> end = new CompletableFuture<>();
        resizing = end;
        Volume volume = gate.borrow(handler, end);
        try {
            if (volume == null) {
                throw new StorageException(Errno.EAGAIN, gate + ": its handler is being replaced, try again");
            }
            if (smaller && !gate.hold(shorter(bound, gate.timeout()))) {
                throw new StorageException(
                        Errno.EBUSY, gate + " is not resized: requests in flight have not ended in time");
            }
        } catch (StorageException e) {
            gate.resume();
            end.complete(null);
            throw e;
        } catch (InterruptedException e) {
            gate.resume();
            end.complete(null);
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, gate + ": interrupted before it was resized", e);
        }
        CompletableFuture<Void> outcome = new CompletableFuture<>();
        tasks.run("resize-" + gate, () -> {
            Throwable failure = null;
            try {
                handler.call(h -> {
                    volume.resize(size);
                    return null;
                });
            } catch (StorageException | RuntimeException | Error e) {
                failure = e;
            }
            gate.latestInfo();
            end.complete(null);
            if (smaller) {
                gate.resume();
            }
            if (failure == null) {
                outcome.complete(null);
            } else {
                outcome.completeExceptionally(failure);
            }
        });
        awaitResized(outcome, Duration.ofNanos(Math.max(0, deadline - System.nanoTime())), bound);
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    private void awaitResized(CompletableFuture<Void> outcome, Duration left, Duration bound) throws StorageException {
        try {
            outcome.get(left.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new StorageException(
                    Errno.ETIMEDOUT,
                    gate + " is still being resized after " + bound.toSeconds()
                            + " s: give the same command again later",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, gate + ": interrupted while it was resized", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof StorageException s) {
                throw new StorageException(s.errno(), s.getMessage(), s);
            }
            throw new StorageException(Errno.EIO, gate + ": " + Errno.describe(e.getCause()), e.getCause());
        }
    }

    /**
     * Closes the gate, and then the volume, if it is of one handler. Returns at once.
     *
     * @param handler the handler, or null for any
     * @return false if there was nothing to close
     */
    public boolean shut(HandlerService handler) {
        return begin(gate.shut(handler));
    }

    /** Nobody needs the volume: closes it, and forgets what it was. Returns at once. */
    public void release() {
        begin(gate.release());
    }

    private boolean begin(Closing closing) {
        if (closing != null) {
            closer.start(gate, closing);
        }
        return closing != null;
    }

    /**
     * Waits for a volume on its way out.
     *
     * @param deadline until when, by {@link System#nanoTime}
     * @return whether there is none left
     */
    public boolean awaitClosed(long deadline) {
        return unclosed(deadline).isEmpty();
    }

    /**
     * Waits for a volume on its way out.
     *
     * @param deadline until when, by {@link System#nanoTime}
     * @return whose volume is not closed by then
     */
    public Optional<HandlerService> unclosed(long deadline) {
        Closing closing = gate.closing();
        return closing == null || closing.await(deadline)
                ? Optional.empty()
                : Optional.of(closing.opened().handler());
    }

    /**
     * Waits until a handler's volume is closed.
     *
     * @param handler what opened it; another's is not waited for
     * @param deadline by {@link System#nanoTime}
     */
    public void awaitClosed(HandlerService handler, long deadline) {
        Closing closing = gate.closing();
        if (closing != null && closing.opened().handler() == handler) {
            closing.await(deadline);
        }
    }
}
