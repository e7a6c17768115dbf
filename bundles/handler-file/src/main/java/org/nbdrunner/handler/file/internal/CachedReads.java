package org.nbdrunner.handler.file.internal;

import java.nio.ByteBuffer;

/** Which reads of a file can be made on the caller's thread, because they do not wait for storage. */
enum CachedReads {
    /** None can be told from the others. */
    NONE,
    /** Those that the kernel grants when it is asked not to wait. */
    NO_WAIT,
    /** All, and all writes: the file is in memory. */
    ALL;

    private static final long TMPFS_MAGIC = 0x01021994;
    private static final long RAMFS_MAGIC = 0x858458f6L;

    /**
     * Asks the file system, and tries.
     *
     * @param syscalls asked
     * @param file open
     * @param size of the file, in bytes
     * @return what is possible with its file system
     * @throws SyscallFailure if the file system cannot be told
     */
    static CachedReads of(Syscalls syscalls, Descriptor file, long size) throws SyscallFailure {
        long type = SyscallFailure.check(syscalls, syscalls.fileSystemType(file.number()));
        if (type == TMPFS_MAGIC || type == RAMFS_MAGIC) {
            return ALL;
        }
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        // At the end, where there is nothing: reading brings into the cache what would then be told as data.
        long r = syscalls.preadNoWait(file.number(), syscalls.address(one), 1, size);
        return r >= 0 || r == -Syscalls.EAGAIN ? NO_WAIT : NONE;
    }
}
