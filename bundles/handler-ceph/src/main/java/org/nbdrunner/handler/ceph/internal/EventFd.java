package org.nbdrunner.handler.ceph.internal;

import com.kenai.jffi.MemoryIO;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** An eventfd: librbd adds to it when requests have completed, and one thread waits for that. */
final class EventFd {
    private static final int BYTES = 8;

    private final LibC libc;
    private final MemoryIO memory;
    private final int fd;
    private final long cell;

    EventFd(Libraries libraries) throws StorageException {
        libc = libraries.libc();
        memory = libraries.memory();
        fd = libc.eventfd(0, LibC.EFD_CLOEXEC);
        if (fd < 0) {
            throw new StorageException(Errno.ENOMEM, "cannot make an eventfd: too many files are open");
        }
        cell = memory.allocateMemory(BYTES, true);
    }

    int number() {
        return fd;
    }

    /** Waits until something was added since the last time. One thread only. */
    void await() {
        libc.read(fd, cell, BYTES);
    }

    /** Wakes the thread that waits. */
    void wake() {
        libc.write(fd, new long[] {1}, BYTES);
    }

    /** Nobody waits any more. */
    void close() {
        libc.close(fd);
        memory.freeMemory(cell);
    }
}
