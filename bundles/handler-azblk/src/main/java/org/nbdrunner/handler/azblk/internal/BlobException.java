package org.nbdrunner.handler.azblk.internal;

import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** A call has failed for good. */
final class BlobException extends StorageException {
    private static final long serialVersionUID = 1;

    private final String code;
    private final boolean uncertain;

    /**
     * A failure.
     *
     * @param code the service's own name of the error; empty if there is none
     * @param uncertain whether an attempt before the last may have done what was asked
     */
    BlobException(Errno errno, String message, String code, boolean uncertain, Throwable cause) {
        super(errno, message, cause);
        this.code = code;
        this.uncertain = uncertain;
    }

    String code() {
        return code;
    }

    boolean uncertain() {
        return uncertain;
    }
}
