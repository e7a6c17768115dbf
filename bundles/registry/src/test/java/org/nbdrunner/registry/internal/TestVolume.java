package org.nbdrunner.registry.internal;

import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** A volume that watches the contract it is used by. */
final class TestVolume implements Volume {

    /** What becomes of a request. */
    @FunctionalInterface
    interface Behaviour {
        Behaviour COMPLETE = (volume, request) -> volume.complete(request);

        /** Keeps what is no flush until {@link TestVolume#releaseHeld}. */
        Behaviour HOLD = (volume, request) -> {
            if (request.command() == Command.FLUSH) {
                volume.complete(request);
            } else {
                volume.held.add(request);
            }
        };

        void serve(TestVolume volume, IoRequest request);
    }

    final Queue<IoRequest> held = new ConcurrentLinkedQueue<>();
    final AtomicInteger served = new AtomicInteger();
    final TestHandler handler;
    volatile VolumeInfo info;
    volatile boolean closed;

    private final String key;
    private final AtomicInteger inFlight = new AtomicInteger();
    private volatile boolean dirty;

    TestVolume(TestHandler handler, String key, VolumeInfo info) {
        this.handler = handler;
        this.key = key;
        this.info = info;
        if (handler.storage.open.computeIfAbsent(key, k -> new AtomicInteger()).incrementAndGet() > 1) {
            handler.storage.openTwice.incrementAndGet();
        }
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    @Override
    public void submit(IoRequest request) {
        inFlight.incrementAndGet();
        if (closed) {
            handler.storage.submittedAfterClose.incrementAndGet();
        }
        served.incrementAndGet();
        handler.behaviour.serve(this, request);
    }

    @Override
    public void resize(long size) throws IOException {
        handler.fail();
        handler.resizings.incrementAndGet();
        TestHandler.await(handler.resizeGate);
        if (closed || (size < info.size() && inFlight.get() != 0)) {
            handler.storage.resizedInUse.incrementAndGet();
        }
        handler.storage.disks.computeIfPresent(key, (k, i) -> i.withSize(size));
        info = info.withSize(size);
    }

    void complete(IoRequest request) {
        dirty = request.command() != Command.FLUSH;
        inFlight.decrementAndGet();
        request.complete();
    }

    void fail(IoRequest request) {
        inFlight.decrementAndGet();
        request.fail(Errno.EIO, "told to fail");
    }

    void releaseHeld() {
        for (IoRequest r = held.poll(); r != null; r = held.poll()) {
            complete(r);
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        if (inFlight.get() != 0) {
            handler.storage.closedInFlight.incrementAndGet();
        }
        if (dirty) {
            handler.storage.closedUnflushed.incrementAndGet();
        }
        try {
            handler.closeGate.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        } finally {
            handler.storage.open.get(key).decrementAndGet();
        }
        if (handler.closeFailure != null) {
            throw handler.closeFailure;
        }
    }
}
