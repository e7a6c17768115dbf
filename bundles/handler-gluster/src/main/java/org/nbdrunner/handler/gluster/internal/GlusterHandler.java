package org.nbdrunner.handler.gluster.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
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
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** Files on Gluster volumes; a key is {@code VOLUME/PATH} or {@code VOLUME@SERVER/PATH}. */
@Component(
        immediate = true,
        configurationPid = GlusterHandler.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE,
        property = GlusterHandler.OPTIONAL)
@HandlerName("gluster")
@Designate(ocd = GlusterHandler.Config.class)
public final class GlusterHandler implements Handler {
    static final String PID = "org.nbdrunner.handler.gluster";

    /** Where GlusterFS's library is missing, nbd-runner starts without this handler. */
    static final String OPTIONAL = "nbd.start.optional:Boolean=true";

    private static final int MAX_TIMEOUT_S = 3600;
    private static final int TIMER_IDLE_S = 5;

    /** The configuration. */
    @ObjectClassDefinition(name = "nbd-runner: Gluster handler", description = "Files on Gluster volumes as backstores")
    public @interface Config {

        /**
         * Who is asked for volumes.
         *
         * @return servers, separated by commas
         */
        @AttributeDefinition(
                name = "Servers",
                description =
                        "Gluster servers, HOST or HOST:PORT, separated by commas: the first that answers describes the"
                                + " volumes. A backstore VOLUME@SERVER/PATH has its own")
        String servers() default "localhost";

        /**
         * How long control waits.
         *
         * @return seconds, at least 1
         */
        @AttributeDefinition(
                name = "Timeout",
                description =
                        "How long connecting to a volume may take, and then each step of creating, opening and deleting"
                                + " a file; seconds",
                min = "1",
                max = "3600")
        int timeout() default 20;

        /**
         * Where GlusterFS logs.
         *
         * @return a path, or nothing
         */
        @AttributeDefinition(
                name = "Log",
                description = "A file that GlusterFS's client writes warnings and errors to; none if it is empty")
        String log() default "";
    }

    private final List<Server> servers;
    private final Connections connections;
    private final GlusterFiles files;
    private final Operations operations = new Operations();
    private final ScheduledThreadPoolExecutor timer;

    /**
     * A handler with GlusterFS's library.
     *
     * @param config typed
     * @throws IOException if the library is missing or the configuration is wrong; one line says why
     */
    @Activate
    public GlusterHandler(Config config) throws IOException {
        this(NativeGfapi.load(), config.servers(), config.timeout(), config.log());
    }

    GlusterHandler(Gfapi gfapi, String servers, int timeout, String log) throws IOException {
        if (timeout < 1 || timeout > MAX_TIMEOUT_S) {
            throw new IOException(PID + ": timeout is " + timeout + ", 1 to " + MAX_TIMEOUT_S + " s are allowed");
        }
        try {
            this.servers = Server.parse(servers);
        } catch (StorageException e) {
            throw new IOException(PID + ": servers: " + e.getMessage(), e);
        }
        gfapi.onCompletion(this::ended);
        connections = new Connections(gfapi, Duration.ofSeconds(timeout), log);
        files = new GlusterFiles(gfapi, connections);
        timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread t = new Thread(task, "gluster timer");
            t.setDaemon(true);
            return t;
        });
        timer.setRemoveOnCancelPolicy(true);
        // Ends with its last volume, which may be closed after this handler has stopped.
        timer.setKeepAliveTime(TIMER_IDLE_S, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
    }

    private void ended(long id, long result) {
        Operation o = operations.get(id);
        if (o != null) {
            o.volume.ended(o, result);
        }
    }

    /** Volumes that are still open keep their connections until they are closed. */
    @Deactivate
    void stop() {
        connections.close();
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        files.create(Location.parse(cfg.key(), servers), size, preallocate, progress);
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        files.delete(Location.parse(cfg.key(), servers));
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        Location at = Location.parse(cfg.key(), servers);
        GlusterFiles.Opened opened = files.open(at, options.readOnly());
        boolean done = false;
        try {
            Volume volume = new GlusterVolume(opened, describe(at, opened), options.timeout(), operations, timer);
            done = true;
            return volume;
        } finally {
            if (!done) {
                GlusterFiles.close(opened.file());
            }
        }
    }

    /** A disk has whole sectors: what is beyond the last one of a file that another program made is not visible. */
    static long visible(long size) {
        return size - size % Extents.SECTOR;
    }

    private static VolumeInfo describe(Location at, GlusterFiles.Opened opened) throws StorageException {
        long size = visible(opened.status().size());
        if (size == 0) {
            throw new StorageException(Errno.EINVAL, at + " has less than one sector of " + Extents.SECTOR + " bytes");
        }
        VolumeInfo.Builder b = VolumeInfo.builder(size)
                .readOnly(opened.readOnly())
                .identity(at.store().volume() + ":"
                        + Long.toHexString(opened.status().inode()))
                .description("file " + at.path() + " on Gluster volume " + at.store())
                .with(Capability.FLUSH, Capability.MULTI_CONN);
        if (opened.seeks()) {
            b.with(Capability.BLOCK_STATUS);
        }
        if (!opened.readOnly()) {
            b.with(Capability.FUA, Capability.WRITE_ZEROES);
            if (opened.discards()) {
                b.with(Capability.TRIM, Capability.FAST_ZERO);
            }
        }
        return b.build();
    }
}
