package org.nbdrunner.handler.dummy.internal;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The memory that all disks may take together. For use by any thread. */
final class MemoryBudget {
    private final AtomicLong used = new AtomicLong();
    private volatile long limit;

    MemoryBudget(long limit) {
        this.limit = limit;
    }

    /** Sets another limit; what is in use stays in use. */
    void limit(long bytes) {
        limit = bytes;
    }

    /**
     * Takes memory outside of the heap.
     *
     * @param size bytes
     * @return zeroed
     * @throws StorageException {@link Errno#ENOSPC} if there is none
     */
    ByteBuffer allocate(int size) throws StorageException {
        if (used.addAndGet(size) > limit) {
            used.addAndGet(-size);
            throw new StorageException(
                    Errno.ENOSPC,
                    "the disks in memory have reached their limit of " + limit
                            + " bytes: delete some, or raise memoryLimit in " + DummyHandler.PID);
        }
        try {
            return ByteBuffer.allocateDirect(size);
        } catch (OutOfMemoryError e) {
            used.addAndGet(-size);
            throw new StorageException(
                    Errno.ENOSPC,
                    "the Java virtual machine has no more memory for disks: delete some, or raise -XX:MaxDirectMemorySize",
                    e);
        }
    }

    /**
     * Fails early if something is too large. Nothing is reserved: others may take the memory meanwhile.
     *
     * @param size bytes
     * @throws StorageException {@link Errno#ENOSPC} if there is less
     */
    void require(long size) throws StorageException {
        long free = Math.max(0, limit - used.get());
        if (size > free) {
            throw new StorageException(
                    Errno.ENOSPC,
                    size + " bytes of memory are needed and " + free
                            + " are free: delete disks, or raise memoryLimit in " + DummyHandler.PID);
        }
    }

    /** Gives memory back. */
    void release(int size) {
        used.addAndGet(-size);
    }
}
