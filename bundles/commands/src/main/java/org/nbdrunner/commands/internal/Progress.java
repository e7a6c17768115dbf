package org.nbdrunner.commands.internal;

import java.io.PrintStream;
import org.nbdrunner.api.handler.ProgressListener;

/** Shows progress as a percentage on one line of a terminal; nothing elsewhere. */
final class Progress implements ProgressListener {
    private final PrintStream err;
    private final boolean terminal;
    private long shown = -1;

    Progress(PrintStream err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    @Override
    public synchronized void progress(long done, long total) {
        long percent = total <= 0 ? 100 : (long) (100.0 * done / total);
        if (terminal && percent != shown) {
            shown = percent;
            err.print("\r" + percent + " % of " + Size.show(total) + " ");
            err.flush();
        }
    }

    synchronized void end() {
        if (shown >= 0) {
            err.println();
        }
    }
}
