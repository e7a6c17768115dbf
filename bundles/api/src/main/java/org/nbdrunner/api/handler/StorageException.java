package org.nbdrunner.api.handler;

import java.io.IOException;
import java.util.Objects;

/** A failure of storage with an error number and a text for the user. */
public class StorageException extends IOException {
    private static final long serialVersionUID = 1;

    /** The number. */
    private final Errno errno;

    /**
     * A failure without a cause of its own.
     *
     * @param errno the number
     * @param message names the thing and, where there is one, the remedy; holds no secret
     */
    public StorageException(Errno errno, String message) {
        this(errno, message, null);
    }

    /**
     * A failure that another one caused.
     *
     * @param errno the number
     * @param message names the thing and, where there is one, the remedy; holds no secret
     * @param cause for the log
     */
    public StorageException(Errno errno, String message, Throwable cause) {
        super(message, cause);
        this.errno = Objects.requireNonNull(errno, "errno");
    }

    /**
     * The number.
     *
     * @return never null
     */
    public Errno errno() {
        return errno;
    }
}
