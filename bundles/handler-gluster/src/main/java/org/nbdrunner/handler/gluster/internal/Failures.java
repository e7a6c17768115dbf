package org.nbdrunner.handler.gluster.internal;

import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** What GlusterFS's error numbers mean. */
final class Failures {

    private Failures() {}

    /**
     * Whether it means that bricks cannot be reached, which may pass: the same request can be made again then, for each of ours does the
     * same however often it is done.
     */
    static boolean isPassing(long error) {
        return switch ((int) -error) {
            // The last two of an open file that the client has not opened again yet on a brick that has come back.
            case Gfapi.ENOTCONN,
                    Gfapi.ETIMEDOUT,
                    Gfapi.ECONNREFUSED,
                    Gfapi.ECONNRESET,
                    Gfapi.EPIPE,
                    Gfapi.ESHUTDOWN,
                    Gfapi.EHOSTUNREACH,
                    Gfapi.ENETUNREACH,
                    Gfapi.EAGAIN,
                    Gfapi.EBADFD,
                    Gfapi.EBADF -> true;
            default -> false;
        };
    }

    /** Whether it means that the storage has no such operation. */
    static boolean isUnsupported(long error) {
        return error == -Gfapi.EOPNOTSUPP || error == -Gfapi.ENOSYS;
    }

    /** The same for users. */
    static StorageException of(Gfapi gfapi, long error, String what) {
        String more = error == -Gfapi.ENOTCONN ? ", its bricks do not answer" : "";
        return new StorageException(Errno.of((int) error), "cannot " + what + more + " (" + gfapi.words(error) + ")");
    }
}
