package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.time.Duration;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Waits for what the kernel gives no notice of. */
public final class Await {
    private static final int INTERVAL_MILLIS = 10;

    private Await() {}

    /** Something that becomes true. */
    @FunctionalInterface
    public interface Condition {

        /**
         * Looks.
         *
         * @return whether it is true now
         * @throws IOException if that cannot be told
         */
        boolean holds() throws IOException;
    }

    /**
     * Waits until something is true.
     *
     * @param condition looked at every now and then, at least once
     * @param limit how long to wait
     * @return whether it became true in time
     * @throws IOException if that cannot be told, or the thread was interrupted
     */
    public static boolean until(Condition condition, Duration limit) throws IOException {
        Deadline deadline = Deadline.in(limit);
        while (!condition.holds()) {
            if (deadline.passed()) {
                return false;
            }
            try {
                Thread.sleep(INTERVAL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new StorageException(Errno.EIO, "interrupted while waiting for the kernel", e);
            }
        }
        return true;
    }
}
