package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * {@link Bounded} calls that concern an image. Those that nobody waits for any more keep a thread each until the cluster answers; when an
 * image has a few of them, the next calls are refused at once, while other images go on.
 */
final class Hanging {
    static final int MAX = 4;

    private record Key(ClusterName where, ImageName name) {}

    /** Guarded by this, as are the calls. */
    private final Map<Key, Integer> hanging = new HashMap<>();

    private static final class Call {
        boolean ended;
        boolean hangs;
    }

    /**
     * Makes a call; see {@link Bounded#call(String, Duration, LongSupplier, Bounded.Work, Bounded.Disposal)}.
     *
     * @param where the cluster
     * @param name the image
     * @param verb what is done with it, for messages
     * @param limit how long to wait from one sign of life to the next
     * @param sign when the last was, of {@link System#nanoTime}
     * @param work the call
     * @param late disposes of its result if that comes too late
     * @return its result
     * @throws IOException what the call threw; {@link Errno#ETIMEDOUT} if it takes too long, or others still hang
     */
    <T> T call(
            ClusterName where,
            ImageName name,
            String verb,
            Duration limit,
            LongSupplier sign,
            Bounded.Work<T> work,
            Bounded.Disposal<T> late)
            throws IOException {
        Key key = new Key(where, name);
        String what = verb + " " + name;
        synchronized (this) {
            if (hanging.getOrDefault(key, 0) >= MAX) {
                throw new StorageException(
                        Errno.ETIMEDOUT,
                        "cannot " + what + ": the cluster does not answer, and " + MAX
                                + " earlier calls for this image still wait for it; see whether its OSDs run (ceph status)");
            }
        }
        Call call = new Call();
        boolean done = false;
        try {
            T result = Bounded.call(
                    what,
                    limit,
                    sign,
                    () -> {
                        try {
                            return work.run();
                        } finally {
                            ended(key, call);
                        }
                    },
                    late);
            done = true;
            return result;
        } finally {
            if (!done) {
                givenUp(key, call);
            }
        }
    }

    /** The same, where there are no signs of life. */
    <T> T call(
            ClusterName where,
            ImageName name,
            String verb,
            Duration limit,
            Bounded.Work<T> work,
            Bounded.Disposal<T> late)
            throws IOException {
        long begun = System.nanoTime();
        return call(where, name, verb, limit, () -> begun, work, late);
    }

    private synchronized void ended(Key key, Call call) {
        call.ended = true;
        if (call.hangs) {
            hanging.computeIfPresent(key, (k, n) -> n == 1 ? null : n - 1);
        }
    }

    private synchronized void givenUp(Key key, Call call) {
        if (!call.ended) {
            call.hangs = true;
            hanging.merge(key, 1, Integer::sum);
        }
    }
}
