package org.nbdrunner.rpc.internal;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Tells what clients do wrong: of each address one line in ten seconds, so that who sends nonsense neither fills the disk nor hides what
 * others do. Remembers a bounded number of addresses; those beyond it share their lines. For use by any thread.
 */
final class Complaints {
    static final int MAX_ADDRESSES = 256;
    static final long EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final class Recent {
        final long since;
        int untold;

        Recent(long since) {
            this.since = since;
        }
    }

    private final Map<InetAddress, Recent> byAddress = new HashMap<>();
    private final LongSupplier clock;
    private final Consumer<String> log;

    /**
     * Nobody has been complained about yet.
     *
     * @param clock like {@link System#nanoTime}
     * @param log takes the lines
     */
    Complaints(LongSupplier clock, Consumer<String> log) {
        this.clock = clock;
        this.log = log;
    }

    /**
     * Complains.
     *
     * @param about whom; null if that is not known
     * @param what the line
     */
    synchronized void add(InetAddress about, String what) {
        long now = clock.getAsLong();
        InetAddress key = byAddress.containsKey(about) || hasRoom(now) ? about : null;
        Recent recent = byAddress.get(key);
        if (recent != null && now - recent.since < EVERY_NANOS) {
            recent.untold++;
            return;
        }
        byAddress.put(key, new Recent(now));
        log.accept(recent == null || recent.untold == 0 ? what : what + " (" + recent.untold + " like it before)");
    }

    private boolean hasRoom(long now) {
        if (byAddress.size() >= MAX_ADDRESSES) {
            byAddress.values().removeIf(r -> now - r.since >= EVERY_NANOS);
        }
        return byAddress.size() < MAX_ADDRESSES;
    }
}
