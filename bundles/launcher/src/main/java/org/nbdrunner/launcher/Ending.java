package org.nbdrunner.launcher;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How the process ends. Either the main thread ends it with an exit code, or a signal does: then everything is stopped in order, and the
 * code is 0 if all of that worked. Whichever comes first decides.
 */
final class Ending {
    private final AtomicBoolean decided = new AtomicBoolean();
    private final Duration timeout;
    private volatile Container container;

    /**
     * Takes charge of signals.
     *
     * @param timeout how long a clean stop may take
     */
    Ending(Duration timeout) {
        this.timeout = timeout;
        Runtime.getRuntime().addShutdownHook(new Thread(this::signalled, "nbd-runner-stop"));
    }

    /**
     * From now on a signal has something to stop.
     *
     * @param running the container
     */
    void watch(Container running) {
        container = running;
    }

    /**
     * Decides on an exit by the caller.
     *
     * @return false if a signal came first: then the process is ending already
     */
    boolean decide() {
        return decided.compareAndSet(false, true);
    }

    /**
     * Whether it is decided.
     *
     * @return true while and after a signal is acted upon
     */
    boolean isDecided() {
        return decided.get();
    }

    private static String because(Container container) {
        List<String> obstacles = container.obstacles();
        return obstacles.isEmpty() ? "" : " because bundle " + String.join(", ", obstacles) + " does not return";
    }

    private void signalled() {
        if (!decide()) {
            return;
        }
        Container running = container;
        System.out.println("nbd-runner is stopping");
        boolean stopped = running == null || running.stop(timeout);
        String unclean = running == null ? "" : running.unclean();
        if (!stopped) {
            Notice.last("not stopped within " + timeout.toSeconds() + " s" + because(running) + ", giving up");
        } else if (unclean.isEmpty()) {
            System.out.println("nbd-runner has stopped");
        } else {
            // Not to the log: that has stopped too, and the registry has told it more.
            System.err.println("nbd-runner: " + unclean);
        }
        // A stop on request is a success; without this, the code would tell of the signal.
        Runtime.getRuntime().halt(stopped && unclean.isEmpty() ? Main.SUCCESS : Main.FAILURE);
    }
}
