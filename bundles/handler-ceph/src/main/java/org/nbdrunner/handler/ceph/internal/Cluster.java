package org.nbdrunner.handler.ceph.internal;

import java.time.Duration;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** A connection to a cluster, shared by all that is open there. Made, counted and ended by {@link Clusters}. */
final class Cluster {
    private static final int FSID_BYTES = 37;

    private final Libraries libraries;
    private final ClusterName name;

    /** How many use it; guarded by {@link Clusters}. */
    int users;

    private long handle;

    /** Why the last attempt to connect failed; null if there was none. */
    private StorageException failure;

    /** When that was, by {@link System#nanoTime}. */
    private long failedAt;

    Cluster(Libraries libraries, ClusterName name) {
        this.libraries = libraries;
        this.name = name;
    }

    ClusterName name() {
        return name;
    }

    /** Connects, unless that was done before. Waits for a monitor; those who come meanwhile share what comes of it. */
    void connect(Duration limit) throws StorageException {
        long asked = System.nanoTime();
        synchronized (this) {
            if (handle != 0) {
                return;
            }
            if (failure != null && failedAt - asked > 0) {
                throw new StorageException(failure.errno(), failure.getMessage(), failure);
            }
            try {
                handle = connected(limit);
            } catch (StorageException e) {
                failure = e;
                failedAt = System.nanoTime();
                throw e;
            }
        }
    }

    private long connected(Duration limit) throws StorageException {
        LibRados rados = libraries.rados();
        long[] out = new long[1];
        check(
                rados.rados_create2(out, Libraries.cString(name.cluster()), Libraries.cString(name.user()), 0),
                "begin with the " + name);
        boolean done = false;
        try {
            String file = name.conf().isEmpty() ? null : name.conf();
            check(
                    rados.rados_conf_read_file(out[0], Libraries.cString(file)),
                    file == null
                            ? "read the configuration /etc/ceph/" + name.cluster() + ".conf"
                            : "read the configuration " + file);
            set(out[0], "client_mount_timeout", Long.toString(Math.max(1, limit.toSeconds())));
            if (!name.keyring().isEmpty()) {
                set(out[0], "keyring", name.keyring());
            }
            int connected = rados.rados_connect(out[0]);
            if (connected == -Errno.ENOENT.number()) {
                throw new StorageException(
                        Errno.ENOENT,
                        "cannot connect to the " + name + ": there is no keyring with a key of this user");
            }
            check(connected, "connect to the " + name);
            done = true;
        } finally {
            if (!done) {
                rados.rados_shutdown(out[0]);
            }
        }
        return out[0];
    }

    private void set(long cluster, String option, String value) throws StorageException {
        check(
                libraries.rados().rados_conf_set(cluster, Libraries.cString(option), Libraries.cString(value)),
                "set " + option);
    }

    private void check(int result, String what) throws StorageException {
        Failures.check(result, what, name.user());
    }

    /** Opens a pool, and a namespace of it. */
    synchronized long openPool(ImageName image) throws StorageException {
        long[] io = new long[1];
        int r = libraries.rados().rados_ioctx_create(handle, Libraries.cString(image.pool()), io);
        if (r == -Errno.ENOENT.number()) {
            throw new StorageException(Errno.ENOENT, "there is no pool " + image.pool() + " in the " + name);
        }
        check(r, "open the pool " + image.pool());
        libraries.rados().rados_ioctx_set_namespace(io[0], Libraries.cString(image.namespace()));
        return io[0];
    }

    /** The cluster's identity. */
    synchronized String fsid() {
        byte[] fsid = new byte[FSID_BYTES];
        libraries.rados().rados_cluster_fsid(handle, fsid, fsid.length);
        return Libraries.text(fsid);
    }

    /** Ends the connection, when nothing uses it any more. */
    synchronized void shutdown() {
        if (handle != 0) {
            libraries.rados().rados_shutdown(handle);
            handle = 0;
        }
    }
}
