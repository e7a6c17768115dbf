package org.nbdrunner.handler.file.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.LongSupplier;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Files below a configured directory; a key is a path relative to it. */
@Component(immediate = true, configurationPid = FileHandler.PID, configurationPolicy = ConfigurationPolicy.REQUIRE)
@HandlerName("file")
@Designate(ocd = FileHandler.Config.class)
public final class FileHandler implements Handler {
    static final String PID = "org.nbdrunner.handler.file";

    private static final Logger LOG = LoggerFactory.getLogger(FileHandler.class);
    private static final int SECTOR = 512;
    private static final int MAX_THREADS = 1024;

    /** The configuration. */
    @ObjectClassDefinition(name = "nbd-runner: file handler", description = "Files below one directory as backstores")
    public @interface Config {

        /**
         * Where the files are.
         *
         * @return a path
         */
        @AttributeDefinition(
                name = "Directory",
                description = "An existing directory. All files are in it or below; directories that a new file's path"
                        + " names are made, and stay when it is deleted")
        String directory();

        /**
         * Threads of a volume.
         *
         * @return at least 1
         */
        @AttributeDefinition(
                name = "Threads",
                description = "How many requests of one volume may wait for storage at once",
                min = "1",
                max = "1024")
        int threads() default 8;
    }

    private final Syscalls syscalls;
    private final FileTree tree;
    private final int threads;
    private final LongSupplier clock;

    /**
     * A handler of the configured directory.
     *
     * @param config typed
     * @throws IOException if the directory cannot be used; one line says why
     */
    @Activate
    public FileHandler(Config config) throws IOException {
        this(NativeSyscalls.load(), directory(config.directory()), config.threads());
    }

    FileHandler(Syscalls syscalls, Path directory, int threads) throws IOException {
        this(syscalls, directory, threads, System::nanoTime);
    }

    FileHandler(Syscalls syscalls, Path directory, int threads, LongSupplier clock) throws IOException {
        if (threads < 1 || threads > MAX_THREADS) {
            throw new IOException(PID + ": threads is " + threads + ", 1 to " + MAX_THREADS + " are allowed");
        }
        this.syscalls = syscalls;
        this.threads = threads;
        this.clock = clock;
        tree = new FileTree(syscalls, directory);
        for (Path leftover : Leftovers.find(directory)) {
            try {
                if (tree.deleteUnfinished(leftover)) {
                    LOG.info("deleted {} in {}, which a crash has left", leftover, directory);
                }
            } catch (IOException e) {
                LOG.warn("{} stays in {}: {}", leftover, directory, Errno.describe(e));
            }
        }
    }

    /** The configured directory, if it can be used. */
    static Path directory(String configured) throws IOException {
        if (configured == null || configured.isBlank()) {
            throw new IOException(PID + ": directory is missing, name where the files are to be");
        }
        Path path;
        try {
            path = Path.of(configured).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new IOException(PID + ": directory is no path: " + e.getMessage(), e);
        }
        if (!Files.isDirectory(path)) {
            throw new IOException(
                    PID + ": the directory " + path + " does not exist: make it, or set directory to another one");
        }
        return path;
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        tree.create(RelativePath.parse(cfg.key()), size, preallocate, progress);
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        tree.delete(RelativePath.parse(cfg.key()));
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        FileTree.Opened opened = tree.open(RelativePath.parse(cfg.key()), options.readOnly());
        boolean done = false;
        try {
            VolumeInfo info = describe(cfg.key(), opened);
            CachedReads cached =
                    CachedReads.of(syscalls, opened.file(), opened.status().size());
            Volume volume =
                    new FileVolume(syscalls, opened.file(), info, cached, new Patience(clock), cfg.key(), threads);
            done = true;
            return volume;
        } catch (SyscallFailure e) {
            throw e.toStorage("cannot look at " + cfg.key());
        } finally {
            if (!done) {
                opened.file().close();
            }
        }
    }

    /** A disk has whole sectors: what is beyond the last one of a file that another program made is not visible. */
    static long visible(long size) {
        return size - size % SECTOR;
    }

    private VolumeInfo describe(String key, FileTree.Opened opened) throws StorageException {
        FileStatus status = opened.status();
        long size = visible(status.size());
        long hidden = status.size() - size;
        if (size == 0) {
            throw new StorageException(Errno.EINVAL, key + " has less than one sector of " + SECTOR + " bytes");
        }
        VolumeInfo.Builder b = VolumeInfo.builder(size)
                .readOnly(opened.readOnly())
                .preferredBlock(preferredBlock(status.blockSize()))
                .identity(status.identity())
                .description("file " + key + (hidden == 0 ? "" : ", without its last " + hidden + " bytes"))
                .with(Capability.CACHE, Capability.BLOCK_STATUS, Capability.MULTI_CONN, Capability.FLUSH);
        if (!opened.readOnly()) {
            b.with(Capability.FUA, Capability.WRITE_ZEROES);
            // A hole behind the end of the file: tells whether there are holes, and changes nothing.
            if (new StoredFile(syscalls, opened.file(), key).punch(status.size(), SECTOR)) {
                b.with(Capability.TRIM, Capability.FAST_ZERO);
            }
        }
        return b.build();
    }

    private static int preferredBlock(int told) {
        int power = Integer.highestOneBit(Math.max(SECTOR, told));
        return Math.min(power, VolumeInfo.MAX_PAYLOAD);
    }
}
