package org.nbdrunner.handler.file.internal;

import java.nio.ByteBuffer;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;

/** What is done to an open file by calls that may wait for storage. For use by any thread. */
final class StoredFile {
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int FALLOC_FL_ZERO_RANGE = 0x10;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    /** Never written to. */
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20);

    private final Syscalls syscalls;
    private final Descriptor file;
    private final String key;

    private volatile boolean punchHole = true;
    private volatile boolean zeroRange = true;

    StoredFile(Syscalls syscalls, Descriptor file, String key) {
        this.syscalls = syscalls;
        this.file = file;
        this.key = key;
    }

    /**
     * Fills memory. A file that has become too short is an error: what it had is gone, and zeroes would be a lie.
     *
     * @param address of the memory
     * @param length bytes
     * @param offset in the file
     * @throws StorageException if not all could be read
     */
    void read(long address, long length, long offset) throws StorageException {
        for (long done = 0; done < length; ) {
            long n = check(syscalls.pread(file.number(), address + done, length - done, offset + done), "read");
            if (n == 0) {
                throw cutShort();
            }
            done += n;
        }
    }

    private StorageException cutShort() {
        return new StorageException(Errno.EIO, key + " has been cut short by another program while it was open");
    }

    /**
     * Writes memory.
     *
     * @param address of the memory
     * @param length bytes
     * @param offset in the file
     * @throws StorageException if not all could be written
     */
    void write(long address, long length, long offset) throws StorageException {
        for (long done = 0; done < length; ) {
            long n = check(syscalls.pwrite(file.number(), address + done, length - done, offset + done), "write");
            if (n == 0) {
                throw new StorageException(Errno.EIO, "cannot write " + key + ": the kernel takes nothing");
            }
            done += n;
        }
    }

    private void writeZeroes(long offset, long length) throws StorageException {
        long address = syscalls.address(ZEROES);
        for (long done = 0; done < length; ) {
            long n = Math.min(ZEROES.capacity(), length - done);
            write(address, n, offset + done);
            done += n;
        }
    }

    /**
     * Reserves a range of a new file, which reads as zeroes.
     *
     * @param offset in the file
     * @param length bytes
     * @throws StorageException {@link Errno#ENOSPC} if there is no room
     */
    void reserve(long offset, long length) throws StorageException {
        int r = syscalls.fallocate(file.number(), 0, offset, length);
        if (r == -Syscalls.EOPNOTSUPP || r == -Syscalls.ENOSYS) {
            writeZeroes(offset, length);
        } else {
            check(r, "reserve space for");
        }
    }

    /**
     * Cuts the file off or makes it longer, without taking space; on stable storage when this returns.
     *
     * @param size bytes
     * @throws StorageException {@link Errno#EFBIG} if the file system has no files so large
     */
    void resize(long size) throws StorageException {
        check(syscalls.ftruncate(file.number(), size), "resize");
        check(syscalls.fsync(file.number()), "flush");
    }

    /**
     * Makes a range a hole, if the file system has holes; else nothing changes.
     *
     * @param offset in the file
     * @param length bytes
     * @return whether it is one now, and reads as zeroes
     * @throws StorageException if that went wrong
     */
    boolean punch(long offset, long length) throws StorageException {
        punchHole = punchHole && allocate(FALLOC_FL_PUNCH_HOLE, offset, length);
        return punchHole;
    }

    /**
     * Makes a range read as zeroes.
     *
     * @param offset in the file
     * @param length bytes
     * @param noHole whether it must stay allocated
     * @param fast whether to refuse with {@link Errno#ENOTSUP} rather than write zeroes
     * @throws StorageException if that went wrong
     */
    void zero(long offset, long length, boolean noHole, boolean fast) throws StorageException {
        if (!noHole && punch(offset, length)) {
            return;
        }
        zeroRange = zeroRange && allocate(FALLOC_FL_ZERO_RANGE, offset, length);
        if (zeroRange) {
            return;
        }
        if (fast) {
            throw new StorageException(
                    Errno.ENOTSUP, "the file system of " + key + " cannot zero this range without writing zeroes");
        }
        writeZeroes(offset, length);
    }

    private boolean allocate(int mode, long offset, long length) throws StorageException {
        int r = syscalls.fallocate(file.number(), mode | FALLOC_FL_KEEP_SIZE, offset, length);
        if (r == -Syscalls.EOPNOTSUPP || r == -Syscalls.ENOSYS) {
            return false;
        }
        check(r, "change");
        return true;
    }

    /**
     * Begins to fetch a range.
     *
     * @param offset in the file
     * @param length bytes
     */
    void cache(long offset, long length) {
        syscalls.willNeed(file.number(), offset, length); // a hint: where it fails there is nothing to be said
    }

    /**
     * Tells the extents of a request's range. Space that was reserved and not written yet is zero without being a hole.
     *
     * @param request of command {@code BLOCK_STATUS}
     * @throws StorageException if they cannot be told
     */
    void extents(IoRequest request) throws StorageException {
        FileStatus status;
        try {
            status = FileStatus.of(syscalls, file.number(), "");
        } catch (SyscallFailure e) {
            throw e.toStorage("cannot look at " + key);
        }
        long end = request.offset() + request.length();
        if (status.size() < end) {
            throw cutShort();
        }
        boolean hole = status.allocated() < status.size();
        for (long at = request.offset(); at < end; ) {
            long data = seek(at, end, SEEK_DATA);
            if (data > at) {
                if (!request.extent(data - at, hole, true)) {
                    return;
                }
                at = data;
            } else {
                long next = seek(at, end, SEEK_HOLE);
                // Punched between the two calls: to call the rest data is never wrong.
                next = next > at ? next : end;
                if (!request.extent(next - at, false, false)) {
                    return;
                }
                at = next;
            }
        }
    }

    private long seek(long from, long end, int whence) throws StorageException {
        long r = syscalls.lseek(file.number(), from, whence);
        if (r == -Syscalls.ENXIO) {
            return end; // nothing of the kind up to the end of the file
        } else if (r == -Syscalls.EINVAL) {
            return whence == SEEK_DATA ? from : end; // a file system that knows no holes
        }
        return Math.min(end, check(r, "look for data in"));
    }

    private long check(long result, String what) throws StorageException {
        if (result < 0) {
            throw new StorageException(
                    Errno.of((int) result), "cannot " + what + " " + key + ": " + syscalls.words(result));
        }
        return result;
    }
}
