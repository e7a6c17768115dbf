package org.nbdrunner.handler.gluster.internal;

import jnr.ffi.annotations.Delegate;

/** C's {@code glfs_io_cbk}, with pointers as numbers. Public because jnr-ffi calls it. */
@FunctionalInterface
public interface IoCallback {

    /**
     * An operation has ended. Called on one of GlusterFS's threads, or within the call that began it.
     *
     * @param fd the open file
     * @param result bytes, or -1 with the thread's {@code errno} set
     * @param before the file's status, not used
     * @param after the file's status, not used
     * @param data what the caller gave
     */
    @Delegate
    void done(long fd, long result, long before, long after, long data);
}
