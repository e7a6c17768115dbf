package org.nbdrunner.handler.gluster.internal;

import java.time.Duration;

/**
 * A volume that is connected. Kept until nobody uses it and its owner lets it go. For use by any thread.
 */
final class Connection {
    private final Gfapi gfapi;
    private final Location.Store store;
    private final long fs;
    private final Calls calls;

    private int users;
    private boolean abandoned;
    private boolean ended;

    /**
     * A connection without users.
     *
     * @param gfapi how it is used
     * @param store what is connected
     * @param fs GlusterFS's handle of it
     * @param limit of calls that wait for it
     */
    Connection(Gfapi gfapi, Location.Store store, long fs, Duration limit) {
        this.gfapi = gfapi;
        this.store = store;
        this.fs = fs;
        calls = new Calls(store.volume(), limit, this::hold, this::release);
    }

    Gfapi gfapi() {
        return gfapi;
    }

    long fs() {
        return fs;
    }

    Location.Store store() {
        return store;
    }

    /** Calls that may wait; each is a use of its own, so that what hangs keeps the connection. */
    Calls calls() {
        return calls;
    }

    /** Begins a use; false if there can be none any more. */
    synchronized boolean acquire() {
        if (abandoned) {
            return false;
        }
        users++;
        return true;
    }

    /** Begins a further use, for one that has a use. */
    private synchronized void hold() {
        users++;
    }

    /** Ends a use. */
    void release() {
        end(false);
    }

    /** Lets nobody use it any more; disconnects when the last user has gone. */
    void abandon() {
        end(true);
    }

    /** Whether the caller is its only user. */
    synchronized boolean hasOneUser() {
        return users == 1;
    }

    private void end(boolean byOwner) {
        synchronized (this) {
            if (byOwner) {
                abandoned = true;
            } else {
                users--;
            }
            if (!abandoned || users > 0 || ended) {
                return;
            }
            ended = true;
        }
        disconnect(gfapi, store, fs);
    }

    /** Disconnects on a thread of its own: that takes GlusterFS up to ten seconds, whatever there is to do. */
    static void disconnect(Gfapi gfapi, Location.Store store, long fs) {
        Thread t = new Thread(() -> gfapi.fini(fs), "gluster disconnect " + store.volume());
        t.setDaemon(true);
        t.start();
    }
}
