package org.nbdrunner.handler.ceph.internal;

import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.int64_t;
import jnr.ffi.types.intptr_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.u_int64_t;

/**
 * What is used of librados: connections and pools. Each function is that of {@code rados/librados.h}; a name is a C string, a handle
 * is its address. Public because jnr-ffi implements it.
 */
public interface LibRados {

    /** Makes a handle that is not connected. */
    int rados_create2(@Out long[] cluster, @In byte[] clusterName, @In byte[] user, @u_int64_t long flags);

    /** Reads the configuration; {@code null} looks for it in the usual places. */
    int rados_conf_read_file(@intptr_t long cluster, @In byte[] path);

    /** Sets an option. */
    int rados_conf_set(@intptr_t long cluster, @In byte[] name, @In byte[] value);

    /** Connects; waits for a monitor. */
    int rados_connect(@intptr_t long cluster);

    /** Ends a handle, connected or not. */
    void rados_shutdown(@intptr_t long cluster);

    /** The unique number of a connected client. */
    @u_int64_t
    long rados_get_instance_id(@intptr_t long cluster);

    /** Opens a pool. */
    int rados_ioctx_create(@intptr_t long cluster, @In byte[] pool, @Out long[] io);

    /** Chooses a namespace of the pool. */
    void rados_ioctx_set_namespace(@intptr_t long io, @In byte[] namespace);

    /** The pool's number. */
    @int64_t
    long rados_ioctx_get_id(@intptr_t long io);

    /** Closes a pool. */
    void rados_ioctx_destroy(@intptr_t long io);

    /** The cluster's identity. */
    int rados_cluster_fsid(@intptr_t long cluster, @Out byte[] fsid, @size_t long length);
}
