package org.nbdrunner.handler.file.internal;

import java.nio.ByteBuffer;

/**
 * The system calls that this handler makes. Each returns what the kernel does: zero or a positive result, or a negated error number. None
 * is interrupted: those that a signal can break off are made again. For use by any thread.
 *
 * <p>An interface, so that tests can count calls and let them fail.
 */
interface Syscalls {
    int EPERM = 1;
    int ENOENT = 2;
    int ENXIO = 6;
    int EAGAIN = 11;
    int EACCES = 13;
    int EEXIST = 17;
    int ENOTDIR = 20;
    int EISDIR = 21;
    int EINVAL = 22;
    int EFBIG = 27;
    int EROFS = 30;
    int ENOSYS = 38;
    int ELOOP = 40;
    int EOPNOTSUPP = 95;

    /** Reads what is in the page cache and nothing else; {@code -EAGAIN} if the first byte is not. See preadv2(2), {@code RWF_NOWAIT}. */
    long preadNoWait(int fd, long address, long length, long offset);

    /** See pread(2). */
    long pread(int fd, long address, long length, long offset);

    /** See pwrite(2). */
    long pwrite(int fd, long address, long length, long offset);

    /** See fdatasync(2). */
    int fdatasync(int fd);

    /** See fsync(2). */
    int fsync(int fd);

    /** See fallocate(2). */
    int fallocate(int fd, int mode, long offset, long length);

    /** See lseek(2); meant for {@code SEEK_DATA} and {@code SEEK_HOLE}. */
    long lseek(int fd, long offset, int whence);

    /** Begins to fetch a range into the page cache. See posix_fadvise(2), {@code POSIX_FADV_WILLNEED}. */
    int willNeed(int fd, long offset, long length);

    /** See ftruncate(2). */
    int ftruncate(int fd, long length);

    /** See flock(2). */
    int flock(int fd, int operation);

    /** See openat(2). */
    int openat(int directory, String name, int flags, int mode);

    /** See close(2). Never to be called again for the same descriptor, whatever it returns. */
    int close(int fd);

    /** See mkdirat(2). */
    int mkdirat(int directory, String name, int mode);

    /** See unlinkat(2). */
    int unlinkat(int directory, String name, int flags);

    /** See renameat2(2), {@code RENAME_NOREPLACE}; both names are in one directory. */
    int renameNoReplace(int directory, String name, String newName);

    /** See linkat(2); both names are in one directory. */
    int linkat(int directory, String name, String newName);

    /** See statx(2): of the name, symbolic links not followed, or of the directory's descriptor itself if it is empty. */
    int statx(int directory, String name, ByteBuffer status);

    /** Bytes that are free in a file system for this process. See fstatvfs(3). */
    long freeSpace(int fd);

    /** The magic number of a file system. See fstatfs(2). */
    long fileSystemType(int fd);

    /** The address of a direct buffer's first byte, wherever its position is. */
    long address(ByteBuffer buffer);

    /** The system's words for an error number, positive or negated. */
    String words(long errno);
}
