package org.nbdrunner.handler.azblk.internal;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/**
 * Bounds the calls in flight of one volume, and with them its connections; the rest waits its turn.
 *
 * <p>Small neighbours that wait are merged into one call. So that there is something to merge, small calls that go on where others ended
 * use only a part of the places: a stream that is deep enough makes few large calls, a shallow one does not wait. Nothing is acknowledged
 * before its call has ended.
 *
 * <p>For use by any thread.
 */
final class Dispatcher {
    /** The most that one call may write. */
    static final int LARGEST = 4 << 20;

    /** From this length on a batch does not wait for company. */
    private static final int LARGE = 1 << 20;

    private static final int STREAM_SHARE = 4;

    private final int places;
    private final int streamPlaces;
    private final Function<Batch, CompletableFuture<Answer>> caller;

    private final Deque<Batch> waiting = new ArrayDeque<>();
    /** By where they end: those that wait or run and can have a neighbour. */
    private final Map<Batch.Kind, Map<Long, Batch>> ends = new EnumMap<>(Batch.Kind.class);

    private int running;
    private int streaming;

    /**
     * A dispatcher.
     *
     * @param places calls in flight
     * @param merge whether to merge neighbours
     * @param caller makes the call of a batch
     */
    Dispatcher(int places, boolean merge, Function<Batch, CompletableFuture<Answer>> caller) {
        this.places = places;
        this.streamPlaces = Math.max(1, places / STREAM_SHARE);
        this.caller = caller;
        if (merge) {
            ends.put(Batch.Kind.READ, new HashMap<>());
            ends.put(Batch.Kind.WRITE, new HashMap<>());
        }
    }

    /** Begins a batch, now or later. */
    void submit(Batch batch) {
        List<Batch> startable;
        synchronized (this) {
            if (!merged(batch)) {
                waiting.add(batch);
            }
            startable = startable();
        }
        startable.forEach(this::start);
    }

    /** Puts a batch to the one before it, if that still waits. */
    private boolean merged(Batch batch) {
        Map<Long, Batch> byEnd = ends.get(batch.kind());
        if (byEnd == null || batch.length() >= LARGE) {
            return false;
        }
        Batch before = byEnd.get(batch.offset());
        if (before != null) {
            byEnd.remove(batch.offset());
            if (before.waits() && before.length() + batch.length() <= LARGEST) {
                before.append(batch);
                byEnd.put(before.end(), before);
                return true;
            }
            batch.setFollows();
        }
        byEnd.put(batch.end(), batch);
        return false;
    }

    /** Takes those that may start from the queue. */
    private List<Batch> startable() {
        List<Batch> found = new ArrayList<>();
        for (Iterator<Batch> i = waiting.iterator(); running < places && i.hasNext(); ) {
            Batch b = i.next();
            boolean stream = b.follows() && b.length() < LARGE;
            if (stream && streaming >= streamPlaces) {
                continue;
            }
            i.remove();
            b.setRuns(stream);
            running++;
            streaming += stream ? 1 : 0;
            found.add(b);
        }
        return found;
    }

    private void start(Batch batch) {
        CompletableFuture<Answer> call;
        try {
            call = caller.apply(batch);
        } catch (RuntimeException | OutOfMemoryError e) {
            call = CompletableFuture.failedFuture(e);
        }
        var unused = call.whenComplete((answer, failure) -> ended(batch, answer, failure));
    }

    private void ended(Batch batch, Answer answer, Throwable failure) {
        List<Batch> startable;
        synchronized (this) {
            running--;
            streaming -= batch.streams() ? 1 : 0;
            Map<Long, Batch> byEnd = ends.get(batch.kind());
            if (byEnd != null) {
                byEnd.remove(batch.end(), batch);
            }
            startable = startable();
        }
        batch.ended(answer, failure instanceof CompletionException ? failure.getCause() : failure);
        startable.forEach(this::start);
    }
}
