package org.nbdrunner.launcher;

/** The runner cannot start. The message is one line for the administrator: what is wrong, and what to do about it. */
final class StartException extends Exception {
    private static final long serialVersionUID = 1;

    StartException(String message) {
        super(message);
    }

    StartException(String message, Throwable cause) {
        super(message, cause);
    }
}
