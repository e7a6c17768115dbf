package org.nbdrunner.api.handler;

import java.time.Duration;
import java.util.Objects;

/** How a backstore is to be opened. Immutable. */
public final class OpenOptions {
    private final boolean readOnly;
    private final Duration timeout;

    private OpenOptions(boolean readOnly, Duration timeout) {
        this.readOnly = readOnly;
        this.timeout = Objects.requireNonNull(timeout, "timeout");
    }

    /**
     * Options.
     *
     * @param readOnly whether nothing will be written
     * @param timeout how long a request may take before its client gives up on it; positive
     * @return the options
     */
    public static OpenOptions of(boolean readOnly, Duration timeout) {
        return new OpenOptions(readOnly, timeout);
    }

    /**
     * Whether nothing will be written. The volume may then be read-only, and must be if the storage cannot be written.
     *
     * @return true if so
     */
    public boolean readOnly() {
        return readOnly;
    }

    /**
     * How long a request may take before its client gives up on it: the bound of retries and waits inside the volume.
     *
     * @return positive
     */
    public Duration timeout() {
        return timeout;
    }
}
