package org.nbdrunner.handler.file.internal;

import java.nio.ByteBuffer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.intptr_t;
import jnr.ffi.types.off_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * What is used of the C library: files. Each function is that of section 2 or 3 of the manual; a name is a C string in UTF-8. Public
 * because jnr-ffi implements it.
 */
public interface LibC {

    /** See openat(2). */
    int openat(int directory, @In byte[] name, int flags, int mode);

    /** See close(2). */
    int close(int fd);

    /** See mkdirat(2). */
    int mkdirat(int directory, @In byte[] name, int mode);

    /** See unlinkat(2). */
    int unlinkat(int directory, @In byte[] name, int flags);

    /** See renameat2(2). */
    int renameat2(int from, @In byte[] name, int to, @In byte[] newName, int flags);

    /** See linkat(2). */
    int linkat(int from, @In byte[] name, int to, @In byte[] newName, int flags);

    /** See statx(2). */
    int statx(int directory, @In byte[] name, int flags, int mask, @Out ByteBuffer status);

    /** See fstatvfs(3). */
    int fstatvfs(int fd, @Out ByteBuffer status);

    /** See fstatfs(2). */
    int fstatfs(int fd, @Out ByteBuffer status);

    /** See flock(2). */
    int flock(int fd, int operation);

    /** See ftruncate(2). */
    int ftruncate(int fd, @off_t long length);

    /** See fallocate(2). */
    int fallocate(int fd, int mode, @off_t long offset, @off_t long length);

    /** See fsync(2). */
    int fsync(int fd);

    /** See fdatasync(2). */
    int fdatasync(int fd);

    /** See pread(2). */
    @ssize_t
    long pread(int fd, @intptr_t long address, @size_t long length, @off_t long offset);

    /** See preadv2(2). */
    @ssize_t
    long preadv2(int fd, @intptr_t long vector, int members, @off_t long offset, int flags);

    /** See pwrite(2). */
    @ssize_t
    long pwrite(int fd, @intptr_t long address, @size_t long length, @off_t long offset);

    /** See lseek(2). */
    @off_t
    long lseek(int fd, @off_t long offset, int whence);

    /** See posix_fadvise(2); returns the error number. */
    int posix_fadvise(int fd, @off_t long offset, @off_t long length, int advice);

    /** See strerror(3). */
    String strerror(int errno);
}
