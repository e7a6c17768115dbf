package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes and deletes images. Every wait for the cluster is bounded. */
final class Images {
    private static final Logger LOG = LoggerFactory.getLogger(Images.class);

    /** What is written at once when all of an image is to be allocated. */
    private static final long STEP = 32L << 20;

    private final Libraries libraries;
    private final Clusters clusters;
    private final Opener opener;
    private final Hanging hanging;
    private final Duration limit;

    /**
     * Makes and deletes images.
     *
     * @param libraries native
     * @param clusters the connections
     * @param opener opens what is to be allocated
     * @param hanging counts what the cluster does not answer
     * @param limit how long to wait for a sign of life of the cluster
     */
    Images(Libraries libraries, Clusters clusters, Opener opener, Hanging hanging, Duration limit) {
        this.libraries = libraries;
        this.clusters = clusters;
        this.opener = opener;
        this.hanging = hanging;
        this.limit = limit;
    }

    /** Work with a pool. */
    @FunctionalInterface
    private interface PoolWork {
        int with(long pool);
    }

    private int inPool(ClusterName where, ImageName name, PoolWork work) throws IOException {
        Cluster cluster = clusters.acquire(where, limit);
        try {
            long pool = cluster.openPool(name);
            try {
                return work.with(pool);
            } finally {
                libraries.rados().rados_ioctx_destroy(pool);
            }
        } finally {
            clusters.release(cluster);
        }
    }

    /**
     * Makes an image.
     *
     * @param where the cluster
     * @param name the image
     * @param size bytes
     * @param format how it is laid out
     * @param preallocate whether all of it is to be written
     * @param progress told of that
     * @throws IOException if that cannot be; then there is no image
     */
    void create(
            ClusterName where,
            ImageName name,
            long size,
            ImageFormat format,
            boolean preallocate,
            ProgressListener progress)
            throws IOException {
        int r = hanging.call(
                where,
                name,
                "create",
                limit,
                () -> inPool(where, name, pool -> create(pool, name, size, format)),
                late -> remove(where, name));
        Failures.check(r, "create " + name, where.user());
        if (!preallocate) {
            return;
        }
        boolean done = false;
        try {
            allocate(where, name, size, progress);
            done = true;
        } finally {
            if (!done) {
                undo(where, name);
            }
        }
    }

    private int create(long pool, ImageName name, long size, ImageFormat format) {
        LibRbd rbd = libraries.rbd();
        long[] options = new long[1];
        rbd.rbd_image_options_create(options);
        try {
            rbd.rbd_image_options_set_uint64(options[0], LibRbd.OPTION_FEATURES, format.features());
            rbd.rbd_image_options_set_uint64(options[0], LibRbd.OPTION_ORDER, format.order());
            return rbd.rbd_create4(pool, Libraries.cString(name.image()), size, options[0]);
        } finally {
            rbd.rbd_image_options_destroy(options[0]);
        }
    }

    private void allocate(ClusterName where, ImageName name, long size, ProgressListener progress) throws IOException {
        OpenImage image = opener.open(where, name, false, limit);
        try {
            for (long done = 0; done < size; ) {
                long from = done;
                long n = Math.min(STEP, size - from);
                Bounded.call(
                        "reserve the space of " + name,
                        limit,
                        () -> {
                            image.allocate(from, n);
                            return n;
                        },
                        late -> {});
                done += n;
                progress.progress(done, size);
            }
            Bounded.call(
                    "flush " + name,
                    limit,
                    () -> {
                        image.flush();
                        return size;
                    },
                    late -> {});
        } finally {
            Bounded.call(
                    "close " + name,
                    limit,
                    () -> {
                        image.close();
                        return name;
                    },
                    late -> {});
        }
    }

    private void undo(ClusterName where, ImageName name) {
        try {
            remove(where, name);
        } catch (IOException e) {
            LOG.error("{} is left behind half made: {}", name, e.getMessage());
        }
    }

    /**
     * Deletes an image.
     *
     * @param where the cluster
     * @param name the image
     * @throws IOException if that cannot be
     */
    void remove(ClusterName where, ImageName name) throws IOException {
        AtomicLong sign = new AtomicLong(System.nanoTime());
        LibRbd.Progress progress = (done, total, argument) -> {
            sign.set(System.nanoTime());
            return 0;
        };
        int r = hanging.call(
                where,
                name,
                "delete",
                limit,
                sign::get,
                () -> inPool(
                        where,
                        name,
                        pool -> libraries
                                .rbd()
                                .rbd_remove_with_progress(pool, Libraries.cString(name.image()), progress, 0)),
                late -> {});
        if (r == -Errno.EBUSY.number()) {
            throw new StorageException(
                    Errno.EBUSY, "cannot delete " + name + ": another client has it open (rbd status)");
        }
        Failures.check(r, "delete " + name, where.user());
    }
}
