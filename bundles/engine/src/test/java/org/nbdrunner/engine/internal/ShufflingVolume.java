package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** Lets threads of its own serve the requests, in random order. */
final class ShufflingVolume implements Volume {
    private final Volume behind;
    private final Random random;

    /** Guarded by itself. */
    private final List<IoRequest> waiting = new ArrayList<>();

    private boolean closed;

    ShufflingVolume(Volume behind, int threads, long seed) {
        this.behind = behind;
        random = new Random(seed);
        for (int i = 0; i < threads; i++) {
            Thread t = new Thread(this::serve, "shuffling-" + i);
            t.setDaemon(true);
            t.start();
        }
    }

    @Override
    public VolumeInfo info() {
        return behind.info();
    }

    @Override
    public void submit(IoRequest request) {
        synchronized (waiting) {
            waiting.add(request);
            waiting.notifyAll();
        }
    }

    private void serve() {
        for (; ; ) {
            IoRequest request;
            synchronized (waiting) {
                while (waiting.isEmpty()) {
                    if (closed) {
                        return;
                    }
                    try {
                        waiting.wait();
                    } catch (InterruptedException e) {
                        return;
                    }
                }
                int last = waiting.size() - 1;
                int chosen = random.nextInt(last + 1);
                request = waiting.get(chosen);
                waiting.set(chosen, waiting.get(last));
                waiting.remove(last);
            }
            behind.submit(request);
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (waiting) {
            closed = true;
            waiting.notifyAll();
        }
        behind.close();
    }
}
