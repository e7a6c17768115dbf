package org.nbdrunner.handler.ceph.internal;

import jnr.ffi.annotations.In;
import jnr.ffi.types.intptr_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/** What is used of the C library. Each function is that of section 2 or 3 of the manual. Public because jnr-ffi implements it. */
public interface LibC {
    /** Flag of {@link #eventfd}. */
    int EFD_CLOEXEC = 0x80000;

    /** See eventfd(2). */
    int eventfd(int initial, int flags);

    /** See read(2). */
    @ssize_t
    long read(int fd, @intptr_t long buffer, @size_t long length);

    /** See write(2). */
    @ssize_t
    long write(int fd, @In long[] buffer, @size_t long length);

    /** See close(2). */
    int close(int fd);
}
