package org.nbdrunner.launcher;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** What the runner tells of itself: on the standard output, and in the log once logging has started. */
final class Notice {
    private static final Logger LOGGER = Logger.getLogger("org.nbdrunner.launcher");

    static {
        // Pax Logging takes over what goes to java.util.logging, and sets the level of its root to that of the
        // framework's own log.
        LOGGER.setLevel(Level.INFO);
    }

    /** Where the log goes. They are taken from the root logger when the process begins to end, while nbd-runner still stops. */
    private static volatile Handler[] handlers = {};

    private Notice() {}

    /** To be called once logging has started: {@link #last} needs it. */
    static void keepHandlers() {
        handlers = Logger.getLogger("").getHandlers();
    }

    /**
     * Warns while the process ends.
     *
     * @param text one line
     */
    static void last(String text) {
        System.err.println("nbd-runner: " + text);
        LogRecord line = new LogRecord(Level.SEVERE, text);
        line.setLoggerName(LOGGER.getName());
        for (Handler handler : handlers) {
            handler.publish(line);
        }
    }

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
