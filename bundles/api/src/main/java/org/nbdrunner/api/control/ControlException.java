package org.nbdrunner.api.control;

import java.util.Objects;
import org.nbdrunner.api.handler.Errno;

/** A control operation was refused or failed. */
public class ControlException extends Exception {
    private static final long serialVersionUID = 1;

    /** The number. */
    private final Errno errno;

    /**
     * A failure.
     *
     * @param errno the number
     * @param message for the user: names the thing and, where there is one, the remedy
     */
    public ControlException(Errno errno, String message) {
        this(errno, message, null);
    }

    /**
     * A failure with a cause.
     *
     * @param errno the number
     * @param message for the user: names the thing and, where there is one, the remedy
     * @param cause for the log
     */
    public ControlException(Errno errno, String message, Throwable cause) {
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
