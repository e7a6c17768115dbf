package org.nbdrunner.engine.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** Volumes under names, behind one gate, without any state of mappings: what the engine needs to be tried alone. */
final class TestExports implements Exports {
    final Map<String, Volume> volumes = new ConcurrentHashMap<>();
    final List<Open> opened = new CopyOnWriteArrayList<>();
    final TestGate gate = new TestGate();
    /** The size that clients are told, and how far they may reach; 0 for the volume's. */
    volatile long told;

    volatile long reach;
    volatile Duration requestTimeout = Duration.ofSeconds(30);

    TestExports with(String name, Volume volume) {
        volumes.put(name, volume);
        return this;
    }

    @Override
    public List<String> names() {
        return new ArrayList<>(new TreeMap<>(volumes).keySet());
    }

    @Override
    public OpenExport open(String name, ExportListener listener) throws StorageException {
        String n = name.isEmpty() && volumes.size() == 1 ? names().get(0) : name;
        Volume v = volumes.get(n);
        if (v == null) {
            throw new StorageException(Errno.ENOENT, "there is no export " + name);
        }
        Open o = new Open(n, v, listener, this);
        opened.add(o);
        return o;
    }

    @Override
    public OpenExport openMapped(String cfgstring, ExportListener listener) throws StorageException {
        if (!volumes.containsKey(cfgstring)) {
            throw new StorageException(Errno.EINVAL, "No such device found: " + cfgstring);
        }
        return open(cfgstring, listener);
    }

    /** An export in use. */
    static final class Open implements OpenExport {
        private final String name;
        private final Volume volume;
        final ExportListener listener;
        private final TestExports exports;
        final AtomicLong submitted = new AtomicLong();
        final AtomicLong completed = new AtomicLong();
        volatile boolean disconnected;
        volatile Boolean closedClean;

        private Open(String name, Volume volume, ExportListener listener, TestExports exports) {
            this.name = name;
            this.volume = volume;
            this.listener = listener;
            this.exports = exports;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public VolumeInfo info() {
            return exports.told == 0 ? volume.info() : volume.info().withSize(exports.told);
        }

        @Override
        public long reach() {
            return exports.reach == 0 ? info().size() : exports.reach;
        }

        @Override
        public Duration requestTimeout() {
            return exports.requestTimeout;
        }

        @Override
        public boolean submit(IoRequest request) {
            if (!exports.gate.isOpen()) {
                return false;
            }
            submitted.incrementAndGet();
            try {
                volume.submit(request);
            } catch (IllegalStateException e) {
                request.fail(e);
            }
            return true;
        }

        @Override
        public void completed() {
            completed.incrementAndGet();
        }

        @Override
        public void awaitOpen() throws StorageException, InterruptedException {
            exports.gate.await();
        }

        @Override
        public void disconnected() {
            disconnected = true;
        }

        @Override
        public void close(boolean clean) {
            closedClean = clean;
        }
    }
}
