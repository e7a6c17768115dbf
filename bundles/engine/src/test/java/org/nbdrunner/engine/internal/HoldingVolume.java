package org.nbdrunner.engine.internal;

import java.util.ArrayList;
import java.util.List;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** A volume that keeps its requests until a test lets it work on them, on the test's thread and in the order that the test likes. */
final class HoldingVolume implements Volume {
    private final Volume behind;

    /** Guarded by itself. */
    private final List<IoRequest> held = new ArrayList<>();

    private volatile boolean holding = true;

    HoldingVolume(Volume behind) {
        this.behind = behind;
    }

    @Override
    public VolumeInfo info() {
        return behind.info();
    }

    @Override
    public void submit(IoRequest request) {
        if (!holding) {
            behind.submit(request);
            return;
        }
        synchronized (held) {
            held.add(request);
        }
    }

    int held() {
        synchronized (held) {
            return held.size();
        }
    }

    void awaitHeld(int count) {
        Await.until(() -> held() >= count, () -> count + " requests at the volume, there are " + held());
    }

    /** Takes one of the held requests, without completing it. */
    IoRequest take(int index) {
        synchronized (held) {
            return held.remove(index);
        }
    }

    /** Completes one of the held requests. */
    void release(int index) {
        behind.submit(take(index));
    }

    void releaseAll() {
        while (held() > 0) {
            release(0);
        }
    }

    /** From now on serves what comes at once, and what is held now. */
    void stopHolding() {
        holding = false;
        releaseAll();
    }

    @Override
    public void close() {}
}
