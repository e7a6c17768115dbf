package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
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
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Page blobs of Azure Storage; a key is HOST/CONTAINER/BLOB. */
@Component(immediate = true, configurationPid = AzblkHandler.PID)
@HandlerName("azblk")
@Designate(ocd = AzblkHandler.Config.class)
public final class AzblkHandler implements Handler {
    static final String PID = "org.nbdrunner.handler.azblk";

    private static final Logger LOG = LoggerFactory.getLogger(AzblkHandler.class);

    static final long LARGEST_BLOB = 8L << 40;
    private static final int MOST_IN_FLIGHT = 256;
    private static final int SECTOR = 512;
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration CONTROL_LIMIT = Duration.ofSeconds(30);
    private static final Duration LONGEST_ATTEMPT = Duration.ofSeconds(15);
    private static final Duration SHORTEST_ATTEMPT = Duration.ofSeconds(2);
    private static final long IDLE_S = 10;

    /** The configuration. */
    @ObjectClassDefinition(
            name = "nbd-runner: azblk handler",
            description = "Page blobs of Azure Storage as backstores")
    public @interface Config {

        /**
         * Where files with credentials are.
         *
         * @return a path; empty if there are none
         */
        @AttributeDefinition(
                name = "Credentials",
                description = "The directory of the files that the option auth=NAME of a backstore names")
        String credentials() default "";

        /**
         * The certificates that are trusted.
         *
         * @return a path; empty for those that Java trusts
         */
        @AttributeDefinition(
                name = "CA file",
                description = "Certificates in PEM that are trusted, in place of those that Java trusts")
        String caFile() default "";

        /**
         * Calls in flight.
         *
         * @return at least 1
         */
        @AttributeDefinition(
                name = "In flight",
                description = "How many calls, each on a connection of its own, a volume may have in flight",
                min = "1",
                max = "256")
        int inFlight() default 16;

        /**
         * Whether to merge.
         *
         * @return true if so
         */
        @AttributeDefinition(
                name = "Merge",
                description =
                        "Whether small reads, and small writes, that follow one another become one call while they wait")
        boolean merge() default true;

        /**
         * How much to read ahead.
         *
         * @return bytes; 0 for nothing
         */
        @AttributeDefinition(
                name = "Read ahead",
                description = "Bytes that are read ahead at a time for those who read in order; 0 for nothing",
                min = "0",
                max = "4194304")
        int readAhead() default 1 << 20;
    }

    private final HttpClient client;
    private final Threads threads;
    private final ScheduledThreadPoolExecutor timer;
    private final Alarms alarms;
    private final CredentialFiles files;
    private final Settings settings;

    /**
     * A handler.
     *
     * @param config typed
     * @throws IOException if the configuration cannot be used; one line says why
     */
    @Activate
    public AzblkHandler(Config config) throws IOException {
        check("inFlight", config.inFlight(), 1, MOST_IN_FLIGHT);
        check("readAhead", config.readAhead(), 0, Dispatcher.LARGEST);
        if (config.readAhead() % SECTOR != 0) {
            throw new IOException(PID + ": readAhead is " + config.readAhead() + ", no multiple of " + SECTOR);
        }
        settings = new Settings(config.inFlight(), config.merge(), config.readAhead());
        files = new CredentialFiles(path("credentials", config.credentials()));
        threads = new Threads(factory("azblk"));
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_LIMIT)
                .executor(threads);
        if (!config.caFile().isBlank()) {
            builder.sslContext(Trust.in(path("caFile", config.caFile())));
        }
        client = builder.build();
        timer = new ScheduledThreadPoolExecutor(1, factory("azblk timer"));
        timer.setRemoveOnCancelPolicy(true);
        timer.setKeepAliveTime(IDLE_S, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        alarms = new Alarms(timer);
    }

    private static void check(String name, int value, int least, int most) throws IOException {
        if (value < least || value > most) {
            throw new IOException(PID + ": " + name + " is " + value + ", " + least + " to " + most + " are allowed");
        }
    }

    private static Path path(String name, String value) throws IOException {
        try {
            return Path.of(value).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new IOException(PID + ": " + name + " is no path: " + e.getMessage(), e);
        }
    }

    private static ThreadFactory factory(String name) {
        return task -> {
            Thread t = new Thread(task, name);
            t.setDaemon(true);
            return t;
        };
    }

    @Override
    public Set<String> options() {
        return BlobAddress.OPTIONS;
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        BlobAddress address = BlobAddress.of(cfg);
        if (size > LARGEST_BLOB) {
            throw new StorageException(
                    Errno.EFBIG, address + ": a page blob has at most " + LARGEST_BLOB + " bytes (8 TiB)");
        }
        Retrier retrier = retrier(address, CONTROL_LIMIT, false);
        long deadline = deadline(CONTROL_LIMIT);
        String mark = UUID.randomUUID().toString();
        try {
            await(retrier.run(deadline, () -> Call.create(size, mark)));
        } catch (BlobException e) {
            // An attempt whose answer was lost may have made it.
            if (e.errno() != Errno.EEXIST
                    || !await(retrier.run(deadline, Call::properties))
                            .header(Call.MARK)
                            .equals(mark)) {
                throw e;
            }
        }
        progress.progress(size, size);
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        BlobAddress address = BlobAddress.of(cfg);
        Retrier retrier = retrier(address, CONTROL_LIMIT, false);
        long deadline = deadline(CONTROL_LIMIT);
        Answer properties = await(retrier.run(deadline, Call::properties));
        requirePageBlob(address, properties);
        String lease = isLeased(properties) ? address.lease() : "";
        try {
            await(retrier.run(deadline, () -> Call.delete(lease)));
        } catch (BlobException e) {
            // An attempt whose answer was lost may have deleted it.
            if (e.errno() != Errno.ENOENT || !e.uncertain()) {
                throw e;
            }
        }
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        BlobAddress address = BlobAddress.of(cfg);
        Duration timeout = options.timeout();
        Retrier control = retrier(address, timeout, false);
        long deadline = deadline(timeout.compareTo(CONTROL_LIMIT) < 0 ? timeout : CONTROL_LIMIT);
        Answer properties = await(control.run(deadline, Call::properties));
        requirePageBlob(address, properties);
        Retrier patient = retrier(address, timeout, true);
        Fence fence = options.readOnly() ? null : fence(address, control, patient, properties, deadline);
        return new AzblkVolume(address, settings, timeout, patient, fence, properties);
    }

    /** Makes sure that the blob can be written; null if it can only be read. */
    private static Fence fence(BlobAddress address, Retrier control, Retrier patient, Answer properties, long deadline)
            throws IOException {
        if (!address.lease().isEmpty()) {
            // Held already, or not: the answer is the same. It is kept when the volume is closed, as a guard against
            // others.
            await(control.run(deadline, () -> Call.acquire(address.lease())));
        }
        Fence fence = new Fence(
                patient,
                address.key(),
                address.lease(),
                Fence.identity(properties),
                properties.number(Call.SEQUENCE, 0));
        try {
            await(fence.number(deadline));
            return fence;
        } catch (BlobException e) {
            if (e.errno() != Errno.EACCES) {
                throw e;
            }
            LOG.warn("{} is read-only: {}", address, e.getMessage());
            return null;
        }
    }

    private static boolean isLeased(Answer properties) {
        String state = properties.header(Call.LEASE_STATE);
        return state.equals("leased") || state.equals("breaking");
    }

    private static void requirePageBlob(BlobAddress address, Answer properties) throws StorageException {
        String type = properties.header("x-ms-blob-type");
        if (!type.equals("PageBlob")) {
            throw new StorageException(Errno.EINVAL, address + " is no page blob, but " + type);
        }
        if (properties.number("content-length", 0) <= 0) {
            throw new StorageException(Errno.EINVAL, address + " is empty");
        }
    }

    private Retrier retrier(BlobAddress address, Duration timeout, boolean patient) throws StorageException {
        Duration attempt = timeout.dividedBy(3);
        attempt = attempt.compareTo(SHORTEST_ATTEMPT) < 0 ? SHORTEST_ATTEMPT : attempt;
        attempt = attempt.compareTo(LONGEST_ATTEMPT) > 0 ? LONGEST_ATTEMPT : attempt;
        return new Retrier(
                new Sender(client, threads, alarms, address.url()),
                timer,
                new CredentialSource(files, address),
                address.key(),
                attempt,
                patient);
    }

    private static long deadline(Duration limit) {
        return System.nanoTime() + limit.toNanos();
    }

    static <T> T await(CompletableFuture<T> future) throws IOException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof BlobException b) {
                throw new BlobException(b.errno(), b.getMessage(), b.code(), b.uncertain(), b);
            } else if (e.getCause() instanceof StorageException s) {
                throw new StorageException(s.errno(), s.getMessage(), s);
            }
            throw new IOException(Errno.describe(e.getCause()), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EIO, "interrupted", e);
        }
    }
}
