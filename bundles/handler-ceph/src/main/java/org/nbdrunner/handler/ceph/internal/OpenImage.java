package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * An image that librbd has open. All methods wait for the cluster, for ever if it is lost; see {@link Bounded}.
 *
 * <p>A closed handle must not be used: it would end the process. What may come at any time is therefore done through {@link #ask}.
 */
final class OpenImage {
    private static final int ID_BYTES = 128;
    private static final int MAX_OWNERS = 8;

    private final Libraries libraries;
    private final Clusters clusters;
    private final Cluster cluster;
    private final ImageName name;
    private final long pool;
    private final long handle;
    private final boolean writable;
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
    private boolean closed;

    private OpenImage(
            Libraries libraries,
            Clusters clusters,
            Cluster cluster,
            ImageName name,
            long pool,
            long handle,
            boolean writable) {
        this.libraries = libraries;
        this.clusters = clusters;
        this.cluster = cluster;
        this.name = name;
        this.pool = pool;
        this.handle = handle;
        this.writable = writable;
    }

    /**
     * Opens an image. For reading too it is opened as if for writing where the user is allowed to: only then librbd watches the image, so
     * that it cannot be deleted meanwhile and a new size is noticed.
     *
     * @param libraries native
     * @param clusters takes the connection back when the image is closed, or cannot be opened
     * @param cluster connected
     * @param name the image
     * @param readOnly whether nothing will be written
     * @return the image, without its lock
     * @throws StorageException if that cannot be
     */
    static OpenImage open(Libraries libraries, Clusters clusters, Cluster cluster, ImageName name, boolean readOnly)
            throws StorageException {
        LibRbd rbd = libraries.rbd();
        long pool = 0;
        boolean done = false;
        try {
            pool = cluster.openPool(name);
            byte[] image = Libraries.cString(name.image());
            byte[] snapshot = Libraries.cString(name.snapshot());
            long[] out = new long[1];
            boolean writable = !readOnly && name.snapshot() == null;
            int r = name.snapshot() == null ? rbd.rbd_open(pool, image, out, null) : -Errno.EROFS.number();
            if (r == -Errno.EROFS.number() || (readOnly && r == -Errno.EPERM.number())) {
                r = rbd.rbd_open_read_only(pool, image, out, snapshot);
                writable = false;
            }
            Failures.check(r, "open " + name, cluster.name().user());
            done = true;
            return new OpenImage(libraries, clusters, cluster, name, pool, out[0], writable);
        } finally {
            if (!done) {
                if (pool != 0) {
                    libraries.rados().rados_ioctx_destroy(pool);
                }
                clusters.release(cluster);
            }
        }
    }

    ImageName name() {
        return name;
    }

    Cluster cluster() {
        return cluster;
    }

    /** Whether it can be written to, given the lock. */
    boolean writable() {
        return writable;
    }

    /** librbd's handle. */
    long handle() {
        return handle;
    }

    /** The cluster has shut this client out: who opens an image from now on gets a new connection. */
    void shutOut() {
        clusters.retire(cluster);
    }

    /** Something that is asked of the image. */
    @FunctionalInterface
    interface Question<T> {
        T of(long handle) throws IOException;
    }

    /**
     * Asks something, unless the image is closed.
     *
     * @return the answer, or {@code otherwise} if the image is closed
     */
    <T> T ask(Question<T> question, T otherwise) throws IOException {
        Lock lock = use.readLock();
        lock.lock();
        try {
            return closed ? otherwise : question.of(handle);
        } finally {
            lock.unlock();
        }
    }

    long size() throws StorageException {
        long[] out = new long[1];
        check(libraries.rbd().rbd_get_size(handle, out), "see the size of");
        return out[0];
    }

    /** Changes the size. */
    void resize(long size) throws StorageException {
        check(libraries.rbd().rbd_resize(handle, size), "resize");
    }

    long features() throws StorageException {
        long[] out = new long[1];
        check(libraries.rbd().rbd_get_features(handle, out), "see the features of");
        return out[0];
    }

    /** What tells the image from any other that there was or will be. */
    String identity() throws StorageException {
        byte[] id = new byte[ID_BYTES];
        check(libraries.rbd().rbd_get_id(handle, id, id.length), "see the id of");
        return cluster.fsid() + "/" + libraries.rados().rados_ioctx_get_id(pool) + "/" + Libraries.text(id)
                + (name.snapshot() == null ? "" : "@" + name.snapshot());
    }

    /** Takes the exclusive lock for good: it does not pass to whoever asks for it. */
    int lock() {
        return libraries.rbd().rbd_lock_acquire(handle, LibRbd.LOCK_MODE_EXCLUSIVE);
    }

    /** Whether the lock is still ours. */
    boolean isLocked() throws StorageException {
        int[] owner = new int[1];
        check(libraries.rbd().rbd_is_exclusive_lock_owner(handle, owner), "see the lock of");
        return owner[0] != 0;
    }

    /** The address of who has the lock; empty if nobody has. */
    String lockOwner() {
        long[] owners = new long[MAX_OWNERS];
        long[] count = {MAX_OWNERS};
        int r = libraries.rbd().rbd_lock_get_owners(handle, new int[1], owners, count);
        if (r < 0 || count[0] < 1) {
            return "";
        }
        byte[] address = libraries.memory().getZeroTerminatedByteArray(owners[0]);
        libraries.rbd().rbd_lock_get_owners_cleanup(owners, count[0]);
        return new String(address, java.nio.charset.StandardCharsets.UTF_8);
    }

    /** Takes the lock from its owner; the cluster shuts that client out. */
    int breakLock(String owner) {
        return libraries.rbd().rbd_lock_break(handle, LibRbd.LOCK_MODE_EXCLUSIVE, Libraries.cString(owner));
    }

    /** Whether the image is still there. */
    boolean exists() {
        byte[] keys = new byte[1 << 12];
        byte[] values = new byte[1 << 12];
        long[] keysLength = {keys.length};
        long[] valuesLength = {values.length};
        int r = libraries
                .rbd()
                .rbd_metadata_list(handle, Libraries.cString(""), 1, keys, keysLength, values, valuesLength);
        return r != -Errno.ENOENT.number();
    }

    /** Makes a range zero and allocated. */
    void allocate(long offset, long length) throws StorageException {
        check(
                libraries.rbd().rbd_write_zeroes(handle, offset, length, LibRbd.WRITE_ZEROES_THICK, 0),
                "reserve the space of");
    }

    void flush() throws StorageException {
        check(libraries.rbd().rbd_flush(handle), "flush");
    }

    private void check(long result, String what) throws StorageException {
        Failures.check(result, what + " " + name, cluster.name().user());
    }

    /** Closes the image and gives the connection back. Nothing is in flight. */
    void close() throws StorageException {
        int r;
        use.writeLock().lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            r = libraries.rbd().rbd_close(handle);
            libraries.rados().rados_ioctx_destroy(pool);
        } finally {
            use.writeLock().unlock();
        }
        clusters.release(cluster);
        check(r, "close");
    }
}
