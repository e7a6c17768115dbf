package org.nbdrunner.handler.file.internal;

import java.io.Closeable;

/** An open file or directory of the kernel. Closed once; from then on its number is one that no call takes for another file. */
final class Descriptor implements Closeable {
    private final Syscalls syscalls;
    private volatile int number;

    Descriptor(Syscalls syscalls, int number) {
        this.syscalls = syscalls;
        this.number = number;
    }

    /** The kernel's number; negative once closed. */
    int number() {
        return number;
    }

    @Override
    public void close() throws SyscallFailure {
        int open;
        synchronized (this) {
            open = number;
            number = -1;
        }
        if (open >= 0) {
            SyscallFailure.check(syscalls, syscalls.close(open));
        }
    }
}
