package org.nbdrunner.handler.file.internal;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The system calls through the C library. Buffers are passed as addresses: that costs no garbage, and less time. */
final class NativeSyscalls implements Syscalls {
    private static final int EINTR = 4;
    private static final int RWF_NOWAIT = 8;
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int RENAME_NOREPLACE = 1;
    private static final int POSIX_FADV_WILLNEED = 3;
    /** {@code STATX_BASIC_STATS | STATX_BTIME}. */
    private static final int STATX_MASK = 0xfff;
    /** More than {@code struct statvfs} and {@code struct statfs} have. */
    private static final int STATFS_BYTES = 256;

    private static final int STATVFS_FRSIZE = 8;
    private static final int STATVFS_BAVAIL = 32;
    /** {@code struct iovec}: an address and a length. */
    private static final int IOVEC_BYTES = 16;

    /** Holds only what the JDK itself defines: the engine's threads must not keep a stopped bundle's classes. */
    private static final ThreadLocal<ByteBuffer> VECTORS = new ThreadLocal<>();

    private final LibC libc;
    private final Runtime runtime;
    private final MemoryIO memory = MemoryIO.getInstance();

    private NativeSyscalls(LibC libc) {
        this.libc = libc;
        runtime = Runtime.getRuntime(libc);
    }

    /**
     * Loads the C library.
     *
     * @return the calls
     * @throws StorageException {@link Errno#ENOTSUP} if native code cannot be loaded
     */
    static NativeSyscalls load() throws StorageException {
        try {
            return new NativeSyscalls(LibraryLoader.create(LibC.class).load("c"));
        } catch (LinkageError e) {
            throw new StorageException(
                    Errno.ENOTSUP,
                    "cannot load native code (" + e.getMessage()
                            + "): this needs Linux on x86_64 or aarch64, and a java.io.tmpdir not mounted noexec",
                    e);
        }
    }

    private static byte[] cString(String s) {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    private long result(long returned) {
        return returned < 0 ? -runtime.getLastError() : returned;
    }

    private int result(int returned) {
        return returned < 0 ? -runtime.getLastError() : returned;
    }

    private int uninterrupted(IntSupplier call) {
        int r;
        do {
            r = result(call.getAsInt());
        } while (r == -EINTR);
        return r;
    }

    private long uninterruptedLong(LongSupplier call) {
        long r;
        do {
            r = result(call.getAsLong());
        } while (r == -EINTR);
        return r;
    }

    @Override
    public long preadNoWait(int fd, long address, long length, long offset) {
        ByteBuffer vector = VECTORS.get();
        if (vector == null) {
            vector = ByteBuffer.allocateDirect(IOVEC_BYTES).order(ByteOrder.nativeOrder());
            VECTORS.set(vector);
        }
        vector.putLong(0, address).putLong(8, length);
        return result(libc.preadv2(fd, memory.getDirectBufferAddress(vector), 1, offset, RWF_NOWAIT));
    }

    @Override
    public long pread(int fd, long address, long length, long offset) {
        long r;
        do {
            r = result(libc.pread(fd, address, length, offset));
        } while (r == -EINTR);
        return r;
    }

    @Override
    public long pwrite(int fd, long address, long length, long offset) {
        long r;
        do {
            r = result(libc.pwrite(fd, address, length, offset));
        } while (r == -EINTR);
        return r;
    }

    @Override
    public int fdatasync(int fd) {
        return uninterrupted(() -> libc.fdatasync(fd));
    }

    @Override
    public int fsync(int fd) {
        return uninterrupted(() -> libc.fsync(fd));
    }

    @Override
    public int fallocate(int fd, int mode, long offset, long length) {
        return uninterrupted(() -> libc.fallocate(fd, mode, offset, length));
    }

    @Override
    public long lseek(int fd, long offset, int whence) {
        return uninterruptedLong(() -> libc.lseek(fd, offset, whence));
    }

    @Override
    public int willNeed(int fd, long offset, long length) {
        return -libc.posix_fadvise(fd, offset, length, POSIX_FADV_WILLNEED);
    }

    @Override
    public int ftruncate(int fd, long length) {
        return uninterrupted(() -> libc.ftruncate(fd, length));
    }

    @Override
    public int flock(int fd, int operation) {
        return uninterrupted(() -> libc.flock(fd, operation));
    }

    @Override
    public int openat(int directory, String name, int flags, int mode) {
        byte[] bytes = cString(name);
        return uninterrupted(() -> libc.openat(directory, bytes, flags, mode));
    }

    @Override
    public int close(int fd) {
        int r = result(libc.close(fd));
        return r == -EINTR ? 0 : r; // Linux has closed it then
    }

    @Override
    public int mkdirat(int directory, String name, int mode) {
        return result(libc.mkdirat(directory, cString(name), mode));
    }

    @Override
    public int unlinkat(int directory, String name, int flags) {
        return result(libc.unlinkat(directory, cString(name), flags));
    }

    @Override
    public int renameNoReplace(int directory, String name, String newName) {
        return result(libc.renameat2(directory, cString(name), directory, cString(newName), RENAME_NOREPLACE));
    }

    @Override
    public int linkat(int directory, String name, String newName) {
        return result(libc.linkat(directory, cString(name), directory, cString(newName), 0));
    }

    @Override
    public int statx(int directory, String name, ByteBuffer status) {
        int flags = name.isEmpty() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
        return result(libc.statx(directory, cString(name), flags, STATX_MASK, status));
    }

    @Override
    public long freeSpace(int fd) {
        ByteBuffer status = ByteBuffer.allocateDirect(STATFS_BYTES).order(ByteOrder.nativeOrder());
        int r = result(libc.fstatvfs(fd, status));
        return r < 0 ? r : status.getLong(STATVFS_FRSIZE) * status.getLong(STATVFS_BAVAIL);
    }

    @Override
    public long fileSystemType(int fd) {
        ByteBuffer status = ByteBuffer.allocateDirect(STATFS_BYTES).order(ByteOrder.nativeOrder());
        int r = result(libc.fstatfs(fd, status));
        return r < 0 ? r : status.getLong(0);
    }

    @Override
    public long address(ByteBuffer buffer) {
        return memory.getDirectBufferAddress(buffer);
    }

    @Override
    public String words(long errno) {
        return libc.strerror((int) Math.abs(errno));
    }
}
