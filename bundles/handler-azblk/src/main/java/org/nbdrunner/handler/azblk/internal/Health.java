package org.nbdrunner.handler.azblk.internal;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells in the log when a blob begins to have troubles that retrying may mend, and when they are over: not each time. */
final class Health {
    private static final Logger LOG = LoggerFactory.getLogger(Health.class);
    private static final long SILENCE_NS = TimeUnit.SECONDS.toNanos(10);

    /** A trouble that was told. */
    private record Told(long when, boolean bad) {}

    private final String key;
    private final AtomicReference<Told> last = new AtomicReference<>();

    Health(String key) {
        this.key = key;
    }

    void bad(String text) {
        long now = System.nanoTime();
        Told told = last.get();
        if ((told == null || (!told.bad() && now - told.when() > SILENCE_NS))
                && last.compareAndSet(told, new Told(now, true))) {
            LOG.warn("{}: {}; trying again", key, text);
        }
    }

    void good() {
        Told told = last.get();
        if (told != null && told.bad() && last.compareAndSet(told, new Told(System.nanoTime(), false))) {
            LOG.info("{}: the service answers", key);
        }
    }
}
