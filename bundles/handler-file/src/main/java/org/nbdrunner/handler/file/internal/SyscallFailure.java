package org.nbdrunner.handler.file.internal;

import java.io.IOException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** A system call has failed. Holds the number that the kernel gave, of which {@link Errno} knows only some. */
final class SyscallFailure extends IOException {
    private static final long serialVersionUID = 1;

    /** Positive. */
    private final int number;

    private SyscallFailure(int number, String words) {
        super(words);
        this.number = number;
    }

    /**
     * Passes a result on.
     *
     * @param syscalls where it is from
     * @param result what a call has returned
     * @return the result, not negative
     * @throws SyscallFailure if it is negative
     */
    static long check(Syscalls syscalls, long result) throws SyscallFailure {
        if (result < 0) {
            throw new SyscallFailure((int) -result, syscalls.words(result));
        }
        return result;
    }

    /** As the other, for a result that is an int. */
    static int check(Syscalls syscalls, int result) throws SyscallFailure {
        check(syscalls, (long) result);
        return result;
    }

    int number() {
        return number;
    }

    boolean is(int errno) {
        return number == errno;
    }

    /**
     * The same for users.
     *
     * @param what could not be done
     * @return with the nearest number
     */
    StorageException toStorage(String what) {
        return new StorageException(Errno.of(number), what + ": " + getMessage(), this);
    }
}
