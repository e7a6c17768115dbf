package org.nbdrunner.handler.dummy.internal;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Disks in memory. */
// Immediate: a component that nobody uses for a while is thrown away, and its disks with it.
@Component(immediate = true, configurationPid = DummyHandler.PID, property = "nbd.handler.volatile:Boolean=true")
@HandlerName("dummy")
@Designate(ocd = DummyHandler.Configuration.class)
public final class DummyHandler implements Handler {
    static final String PID = "org.nbdrunner.handler.dummy";

    private static final Logger LOG = LoggerFactory.getLogger(DummyHandler.class);

    /** The configuration. */
    @ObjectClassDefinition(name = "dummy handler", description = "Disks in memory")
    public @interface Configuration {
        @AttributeDefinition(
                description =
                        "MiB that all disks may take together; 0 for three quarters of the virtual machine's direct memory",
                min = "0")
        long memoryLimit() default 0;
    }

    private final Map<String, Disk> disks = new ConcurrentHashMap<>();
    private final MemoryBudget budget;

    /**
     * A handler without disks.
     *
     * @param configuration its limit
     */
    @Activate
    public DummyHandler(Configuration configuration) {
        this(limit(configuration));
    }

    DummyHandler(long memoryLimit) {
        budget = new MemoryBudget(memoryLimit);
    }

    /** Sets another limit. The disks stay. */
    @Modified
    void modified(Configuration configuration) {
        budget.limit(limit(configuration));
    }

    private static long limit(Configuration configuration) {
        long most = DirectMemory.maximum();
        long mib = configuration.memoryLimit();
        if (mib <= 0) {
            return most / 4 * 3; // the rest is for the engine's buffers
        }
        if (mib > most >> 20) {
            LOG.warn("{}: memoryLimit is {} MiB, but -XX:MaxDirectMemorySize allows {} MiB", PID, mib, most >> 20);
            return most;
        }
        return mib << 20;
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress)
            throws StorageException {
        Disk disk = new Disk(size, budget);
        if (disks.putIfAbsent(cfg.key(), disk) != null) {
            throw new StorageException(Errno.EEXIST, cfg.key() + " already exists!");
        }
        if (preallocate) {
            boolean done = false;
            try {
                disk.allocateAll(progress);
                done = true;
            } finally {
                if (!done) {
                    disks.remove(cfg.key(), disk);
                    disk.free();
                }
            }
        }
    }

    @Override
    public void delete(Cfgstring cfg) throws StorageException {
        Disk disk = disks.remove(cfg.key());
        if (disk == null) {
            throw missing(cfg);
        }
        disk.free();
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws StorageException {
        Disk disk = disks.get(cfg.key());
        if (disk == null) {
            throw missing(cfg);
        }
        return new DummyVolume(disk, options.readOnly());
    }

    private static StorageException missing(Cfgstring cfg) {
        return new StorageException(
                Errno.ENOENT,
                "there is no disk " + cfg.key() + " in memory (such disks are gone when nbd-runner ends)");
    }
}
