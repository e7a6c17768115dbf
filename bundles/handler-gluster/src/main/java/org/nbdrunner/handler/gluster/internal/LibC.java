package org.nbdrunner.handler.gluster.internal;

import jnr.ffi.annotations.IgnoreError;
import jnr.ffi.types.intptr_t;

/** What is used of the C library. Public because jnr-ffi implements it. */
public interface LibC {

    /** Where the thread's {@code errno} is. */
    @IgnoreError
    @intptr_t
    long __errno_location();

    /** See strerror(3). */
    @IgnoreError
    String strerror(int errno);
}
