package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An image as a volume. Requests go to librbd and come back by themselves; a thread looks after the image meanwhile: whether it has
 * another size, is still there, and is still locked for us.
 */
final class CephVolume implements Volume {
    private static final Logger LOG = LoggerFactory.getLogger(CephVolume.class);
    private static final long LOOK_S = 1;

    /** Every so many looks the cluster is asked for the lock. */
    private static final int ASK = 3;

    /** What is cut off is deleted object by object. */
    private static final Duration RESIZE_LIMIT = Duration.ofMinutes(10);

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final OpenImage image;
    private final ImageIo io;
    private final String identity;
    private final Consumer<String> flushes;
    private final CountDownLatch closing = new CountDownLatch(1);
    private volatile VolumeInfo info;
    private volatile boolean flushed;
    private volatile boolean flushesTold;

    /** Why nothing goes any more; null while all is well. */
    private volatile StorageException lost;

    /**
     * A volume.
     *
     * @param libraries native
     * @param image open; closed with the volume, also if this fails
     * @param flushes told the image's identity when a client flushes
     * @throws StorageException if the image cannot be used
     */
    static CephVolume of(Libraries libraries, OpenImage image, Consumer<String> flushes) throws StorageException {
        boolean done = false;
        try {
            CephVolume volume = new CephVolume(libraries, image, flushes);
            Bounded.start("ceph watch " + image.name(), volume::watch);
            done = true;
            return volume;
        } finally {
            if (!done) {
                image.close();
            }
        }
    }

    private CephVolume(Libraries libraries, OpenImage image, Consumer<String> flushes) throws StorageException {
        this.image = image;
        this.flushes = flushes;
        identity = image.identity();
        info = describe(image.size());
        io = new ImageIo(libraries, image, this::failed);
    }

    private VolumeInfo describe(long size) {
        VolumeInfo.Builder b = VolumeInfo.builder(size)
                .readOnly(!image.writable())
                .identity(identity)
                .description("RBD image " + image.name())
                .with(Capability.FLUSH, Capability.MULTI_CONN, Capability.BLOCK_STATUS);
        if (image.writable()) {
            b.with(Capability.FUA, Capability.TRIM, Capability.WRITE_ZEROES, Capability.FAST_ZERO);
        }
        return b.build();
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    @Override
    public void submit(IoRequest request) {
        if (!flushesTold) {
            watchForFlush(request.command());
        }
        StorageException why = lost;
        if (why != null) {
            request.fail(why);
        } else if (request.command() != Command.FLUSH && request.offset() + request.length() > info.size()) {
            // librbd would do a part of it and call that a success.
            request.fail(Errno.EIO, image.name() + " has been made smaller than where this request ends");
        } else {
            io.submit(request);
        }
    }

    /** What nbd-runner flushes itself, before it closes the volume, is followed by nothing; what a client does is. */
    private void watchForFlush(Command command) {
        if (command == Command.FLUSH) {
            flushed = true;
        } else if (flushed) {
            flushesTold = true;
            flushes.accept(identity);
        }
    }

    @Override
    public void resize(long size) throws IOException {
        StorageException why = lost;
        if (why != null) {
            throw new StorageException(why.errno(), why.getMessage(), why);
        } else if (!image.writable()) {
            throw new StorageException(Errno.EROFS, image.name() + " cannot be written");
        }
        Bounded.call(
                "resize " + image.name(),
                RESIZE_LIMIT,
                () -> image.ask(
                        h -> {
                            image.resize(size);
                            see();
                            return size;
                        },
                        size),
                done -> {});
    }

    /** Takes note of how a request or a look has failed; says whether the image is lost by it. */
    private boolean failed(Errno errno) {
        switch (errno) {
            // Of the image itself: what was never written reads as zeroes.
            case ENOENT -> lose(Errno.ENODEV, "it has been deleted by another client");
            case ESHUTDOWN ->
                lose(
                        Errno.ESHUTDOWN,
                        "the cluster has shut this client out, so that another one could take the image over");
            default -> {
                return false;
            }
        }
        return true;
    }

    private synchronized void lose(Errno errno, String why) {
        if (lost == null) {
            if (errno == Errno.ESHUTDOWN) {
                image.shutOut();
            }
            lost = new StorageException(errno, image.name() + " is lost: " + why);
            LOG.error(
                    "{}; every request fails until all its clients have disconnected, for the next it is opened anew",
                    lost.getMessage());
        }
    }

    /** What the watching thread does. */
    private void watch() {
        int looks = 0;
        try {
            while (!closing.await(LOOK_S, TimeUnit.SECONDS) && lost == null) {
                look(++looks % ASK == 0);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes note of the size; one at a time, so that none puts back what it has seen before. */
    private void see() throws IOException {
        synchronized (closing) {
            long size = image.ask(h -> image.size(), info.size());
            if (size != info.size()) {
                LOG.info("{} has now {} bytes, {} before", image.name(), size, info.size());
                info = describe(size);
            }
        }
    }

    private void look(boolean ask) {
        try {
            see();
            if (!ask) {
                return;
            }
            if (!image.ask(h -> image.exists(), true)) {
                failed(Errno.ENOENT);
            } else if (image.writable() && !image.ask(h -> image.isLocked(), true)) {
                lose(Errno.ESHUTDOWN, "another client has broken its exclusive lock, or deleted it");
            }
        } catch (StorageException e) {
            if (!failed(e.errno())) {
                LOG.warn("{}: {}", image.name(), e.getMessage());
            }
        } catch (IOException e) {
            LOG.warn("{}: cannot see how it is", image.name(), e);
        }
    }

    /**
     * Closes the image. Where the cluster does not answer, that is left to a thread of its own, which ends when it answers again; the
     * image stays locked until then, so that what is under way cannot mix with another client's writes.
     */
    @Override
    public void close() throws IOException {
        closing.countDown();
        Bounded.call(
                "close " + image.name(),
                CLOSE_LIMIT,
                () -> {
                    try {
                        io.close();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    image.close();
                    return image.name();
                },
                name -> {});
    }
}
