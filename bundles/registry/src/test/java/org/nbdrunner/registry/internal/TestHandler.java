package org.nbdrunner.registry.internal;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * A handler without data, which can be told to misbehave. Several may share one storage, as revisions of a handler do.
 */
final class TestHandler implements Handler {
    final TestStorage storage;
    final Map<String, Cfgstring> opened = new ConcurrentHashMap<>();
    final Map<String, OpenOptions> openedWith = new ConcurrentHashMap<>();
    final Map<String, Cfgstring> deleted = new ConcurrentHashMap<>();
    final AtomicInteger opens = new AtomicInteger();

    volatile Set<String> options = Set.of();
    volatile Set<Capability> capabilities = Set.of(Capability.FLUSH, Capability.FUA, Capability.MULTI_CONN);

    /** Thrown from the next calls. */
    volatile IOException failure;

    volatile RuntimeException fault;

    /** What volumes do with requests: complete them at once, unless it is set. */
    volatile TestVolume.Behaviour behaviour = TestVolume.Behaviour.COMPLETE;

    /** Closing waits for it. */
    volatile CountDownLatch closeGate = new CountDownLatch(0);

    /** Creating waits for it. */
    volatile CountDownLatch createGate = new CountDownLatch(0);

    /** Opening waits for it. */
    volatile CountDownLatch openGate = new CountDownLatch(0);

    /** Resizing waits for it. */
    volatile CountDownLatch resizeGate = new CountDownLatch(0);

    final AtomicInteger resizings = new AtomicInteger();

    final AtomicInteger openings = new AtomicInteger();

    /** Nothing can be written. */
    volatile boolean fixed;

    volatile IOException closeFailure;
    volatile TestVolume latest;

    TestHandler() {
        this(new TestStorage());
    }

    TestHandler(TestStorage storage) {
        this.storage = storage;
    }

    @Override
    public Set<String> options() {
        return options;
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        fail();
        await(createGate);
        VolumeInfo info = VolumeInfo.builder(size)
                .with(capabilities.toArray(Capability[]::new))
                .build();
        if (storage.disks.putIfAbsent(cfg.key(), info) != null) {
            throw new StorageException(Errno.EEXIST, cfg.key() + " is in the storage already");
        }
        progress.progress(size, size);
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        fail();
        deleted.put(cfg.key(), cfg);
        if (storage.disks.remove(cfg.key()) == null) {
            throw new StorageException(Errno.ENOENT, cfg.key() + " is not in the storage");
        }
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions openOptions) throws IOException {
        fail();
        openings.incrementAndGet();
        await(openGate);
        VolumeInfo info = storage.disks.get(cfg.key());
        if (info == null) {
            throw new StorageException(Errno.ENOENT, cfg.key() + " is not in the storage");
        }
        opens.incrementAndGet();
        opened.put(cfg.key(), cfg);
        openedWith.put(cfg.key(), openOptions);
        latest = new TestVolume(
                this,
                cfg.key(),
                openOptions.readOnly() || fixed
                        ? info.toBuilder().readOnly(true).build()
                        : info);
        return latest;
    }

    static void await(CountDownLatch gate) throws IOException {
        try {
            gate.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    void fail() throws IOException {
        if (failure != null) {
            throw failure;
        }
        if (fault != null) {
            throw fault;
        }
    }
}
