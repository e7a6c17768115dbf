package org.nbdrunner.netlink.internal;

import java.nio.ByteBuffer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/** What is used of the C library: sockets. Each function is that of section 2 or 3 of the manual. Public because jnr-ffi implements it. */
public interface LibC {

    /** See socket(2). */
    int socket(int domain, int type, int protocol);

    /** See connect(2). */
    int connect(int fd, @In ByteBuffer address, int length);

    /** See setsockopt(2). */
    int setsockopt(int fd, int level, int name, @In ByteBuffer value, int length);

    /** See getsockopt(2); the length is an int in native order. */
    int getsockopt(int fd, int level, int name, @Out ByteBuffer value, ByteBuffer length);

    /** See send(2). */
    @ssize_t
    long send(int fd, @In ByteBuffer bytes, @size_t long length, int flags);

    /** See recv(2). */
    @ssize_t
    long recv(int fd, @Out ByteBuffer bytes, @size_t long length, int flags);

    /** See poll(2); the array's members are of 8 bytes. */
    int poll(ByteBuffer array, @size_t long members, int timeout);

    /** See close(2). */
    int close(int fd);

    /** See strerror(3). */
    String strerror(int errno);
}
