package org.nbdrunner.handler.gluster.internal;

import org.nbdrunner.api.handler.IoRequest;

/** A request on its way through GlusterFS, in one or several steps. Used again for others when it has ended. */
final class Operation {

    /** What is done next. */
    enum Step {
        READ,
        WRITE,
        DISCARD,
        ZEROFILL,
        /** For storage that cannot zero. */
        WRITE_ZEROES,
        SYNC
    }

    /** Its place in the table; in the upper half, how often it was used. */
    private long id;

    GlusterVolume volume;
    IoRequest request;
    Step step;
    /** Bytes of the step that are done, from the start of the range. */
    long done;
    /** Bytes that are being done. */
    long asked;
    /** When the request came; by {@link System#nanoTime}. */
    long since;
    /** How often bricks could not be reached, one time after the other. */
    int failures;

    Operation(int place) {
        id = place;
    }

    long id() {
        return id;
    }

    int place() {
        return (int) id;
    }

    void clear() {
        id += 1L << Integer.SIZE;
        volume = null;
        request = null;
        done = 0;
        failures = 0;
    }
}
