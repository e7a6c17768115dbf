package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens images, and takes the exclusive lock of those that will be written to. librbd would pass the lock to any client that asks for
 * it; here it is held until the image is closed, so that nobody else writes as long as a client of ours may.
 */
final class Opener {
    private static final Logger LOG = LoggerFactory.getLogger(Opener.class);

    /** How long an owner who is just closing the image is waited for. */
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(3);

    /** Who comes back more often than this is not dead, and takes over too. */
    private static final int MAX_BREAKS = 3;

    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Libraries libraries;
    private final Clusters clusters;
    private final Hanging hanging;
    private final boolean takeOver;

    /** The identities of images whose clients flush; one small entry for each image ever used. */
    private final Set<String> flushing = ConcurrentHashMap.newKeySet();

    /**
     * Opens images.
     *
     * @param libraries native
     * @param clusters the connections
     * @param hanging counts what the cluster does not answer
     * @param takeOver whether to take the lock from a living client
     */
    Opener(Libraries libraries, Clusters clusters, Hanging hanging, boolean takeOver) {
        this.libraries = libraries;
        this.clusters = clusters;
        this.hanging = hanging;
        this.takeOver = takeOver;
    }

    /**
     * Opens an image.
     *
     * @param where the cluster
     * @param name the image
     * @param readOnly whether nothing will be written
     * @param limit how long to wait for the cluster
     * @return the image; locked if it is writable
     * @throws IOException if that cannot be
     */
    OpenImage open(ClusterName where, ImageName name, boolean readOnly, Duration limit) throws IOException {
        return hanging.call(where, name, "open", limit, () -> openNow(where, name, readOnly, limit), OpenImage::close);
    }

    private OpenImage openNow(ClusterName where, ImageName name, boolean readOnly, Duration limit) throws IOException {
        Cluster cluster = clusters.acquire(where, limit);
        OpenImage image = OpenImage.open(libraries, clusters, cluster, name, readOnly);
        boolean done = false;
        try {
            if (image.writable()) {
                lock(image);
                if (flushing.contains(image.identity())) {
                    image.flush();
                }
            }
            done = true;
            return image;
        } finally {
            if (!done) {
                image.close();
            }
        }
    }

    /**
     * The clients of an image flush. Until the first flush librbd's cache writes through, since it cannot know that; it is told so from
     * now on when the image is opened, or every client to come would begin slowly.
     *
     * @param identity of the image
     */
    void flushes(String identity) {
        flushing.add(identity);
    }

    private void lock(OpenImage image) throws StorageException {
        if ((image.features() & LibRbd.FEATURE_EXCLUSIVE_LOCK) == 0) {
            throw new StorageException(
                    Errno.EINVAL,
                    image.name()
                            + " lacks the feature exclusive-lock, without which two clients could write to it at once:"
                            + " enable it (rbd feature enable " + image.name()
                            + " exclusive-lock), or open it read-only");
        }
        long begun = System.nanoTime();
        int breaks = 0;
        while (true) {
            int r = image.lock();
            if (r >= 0) {
                return;
            } else if (r != -Errno.EROFS.number() && r != -Errno.EBUSY.number()) {
                throw Failures.of(
                        r, "lock " + image.name(), image.cluster().name().user());
            }
            String owner = image.lockOwner();
            boolean late = System.nanoTime() - begun > PATIENCE_NS;
            if (takeOver && !owner.isEmpty() && breaks++ < MAX_BREAKS) {
                LOG.warn("{}: takes the lock from the client at {}, which the cluster shuts out", image.name(), owner);
                r = image.breakLock(owner);
                if (r < 0 && r != -Errno.ENOENT.number()) {
                    throw Failures.of(
                            r,
                            "break the lock of " + image.name(),
                            image.cluster().name().user());
                }
            } else if (!late) {
                LockSupport.parkNanos(PAUSE_NS);
            } else {
                throw new StorageException(
                        Errno.EBUSY,
                        image.name() + " is locked by the client at " + (owner.isEmpty() ? "an unknown address" : owner)
                                + ": end its use there, or set takeOver in the Ceph handler's configuration");
            }
        }
    }
}
