package org.nbdrunner.launcher;

/** The command line is wrong. The message says which word of it. */
final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
        super(message);
    }
}
