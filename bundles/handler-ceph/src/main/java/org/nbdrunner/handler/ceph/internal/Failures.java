package org.nbdrunner.handler.ceph.internal;

import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** What the numbers mean that librados and librbd return. */
final class Failures {
    private Failures() {}

    /**
     * Insists on success.
     *
     * @param result below 0 for a failure
     * @param what was tried: "open rbd/a"
     * @param user who tried
     * @throws StorageException if it failed
     */
    static void check(long result, String what, String user) throws StorageException {
        if (result < 0) {
            throw of(result, what, user);
        }
    }

    /** The failure behind a number below 0. */
    static StorageException of(long result, String what, String user) {
        Errno errno = Errno.of((int) result);
        return new StorageException(errno, "cannot " + what + ": " + words(result, errno, user));
    }

    /** Words for a number below 0. */
    static String words(long result, Errno errno, String user) {
        return switch (errno) {
            case ENOENT -> "it does not exist";
            case EEXIST -> "it exists already";
            case EPERM, EACCES -> user + " is not allowed to; see its key and capabilities (ceph auth get)";
            case EBUSY -> "it is in use by another client";
            case ENOTEMPTY -> "it has snapshots; remove those first";
            case EROFS -> "another client holds its exclusive lock";
            case ESHUTDOWN -> "the cluster has shut this client out, so that another one could take the image over";
            case ETIMEDOUT -> "the cluster does not answer";
            case ENOSPC, EDQUOT -> "there is no space left";
            case EINVAL -> "librbd refuses it as invalid";
            case EIO -> result == -Errno.EIO.number() ? "input/output error" : "error " + -result;
            default -> errno.toString();
        };
    }
}
