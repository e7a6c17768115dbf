package org.nbdrunner.launcher;

import java.util.logging.Level;
import java.util.logging.Logger;

/** What the runner tells of itself: on the standard output, and in the log once logging has started. */
final class Notice {
    private static final Logger LOGGER = Logger.getLogger("org.nbdrunner.launcher");

    static {
        // Pax Logging takes over what goes to java.util.logging, and sets the level of its root to that of the
        // framework's own log.
        LOGGER.setLevel(Level.INFO);
    }

    private Notice() {}

    /**
     * Tells.
     *
     * @param text one line
     */
    static void give(String text) {
        System.out.println(text);
        LOGGER.info(text);
    }

    /**
     * Warns; the exception's trace goes to the log alone.
     *
     * @param text one line
     * @param cause of the trouble
     */
    static void warn(String text, Throwable cause) {
        System.err.println("nbd-runner: " + text);
        LOGGER.log(Level.WARNING, text, cause);
    }
}
