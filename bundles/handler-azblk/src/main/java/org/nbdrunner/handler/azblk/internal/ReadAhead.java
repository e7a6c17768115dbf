package org.nbdrunner.handler.azblk.internal;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Reads ahead for those who read in order: from the second read on that begins where another has ended, what follows is fetched before it is
 * asked for, in segments; of the present one what is left.
 *
 * <p>A write drops the segments that it touches when it ends, before it is acknowledged: what is read afterwards is what was written. What
 * other machines write to the same blob meanwhile is seen when a segment's time is over. For use by any thread.
 */
final class ReadAhead {
    private static final int STREAMS = 4;
    private static final int AHEAD = 2;
    private static final int IN_ORDER = 2;
    private static final long LIFE_NS = TimeUnit.SECONDS.toNanos(3);

    private final int size;
    private final LongSupplier end;
    private final Fetcher fetcher;
    private final List<Stream> streams = new ArrayList<>();
    private final Map<Long, Segment> segments = new HashMap<>();
    private boolean closed;

    /** Fetches segments. */
    @FunctionalInterface
    interface Fetcher {
        /**
         * Begins to fetch.
         *
         * @param into filled from 0 to its capacity
         */
        void fetch(long offset, ByteBuffer into, Batch.End end);
    }

    /** Somebody who reads in order. */
    private static final class Stream {
        private long next;
        private int inOrder;
    }

    /** Somebody who waits for a segment. */
    private record Reader(long offset, ByteBuffer into, Batch.End end, Runnable otherwise) {}

    private static final class Segment {
        private final long offset;
        private final ByteBuffer data;
        private List<Reader> readers = new ArrayList<>();
        private boolean ready;
        private long since;

        Segment(long offset, int length) {
            this.offset = offset;
            this.data = ByteBuffer.allocate(length);
        }

        long end() {
            return offset + data.capacity();
        }

        void copy(Reader r) {
            ByteBuffer to = r.into();
            to.put(to.position(), data, (int) (r.offset() - offset), to.remaining());
        }
    }

    /**
     * For one volume.
     *
     * @param size bytes of a segment; 0 for no reading ahead
     * @param end where the blob ends
     */
    ReadAhead(int size, LongSupplier end, Fetcher fetcher) {
        this.size = size;
        this.end = end;
        this.fetcher = fetcher;
    }

    /**
     * A read.
     *
     * @param into filled from position to limit, both of which stay
     * @param end told if a segment served it
     * @param otherwise run if none does
     */
    void read(long offset, ByteBuffer into, Batch.End end, Runnable otherwise) {
        if (size == 0 || into.remaining() > size) {
            otherwise.run();
            return;
        }
        Reader reader = new Reader(offset, into, end, otherwise);
        List<Segment> wanted;
        Segment hit;
        boolean ready;
        synchronized (this) {
            int length = into.remaining();
            wanted = noticed(offset, length);
            hit = segments.get(offset / size);
            if (hit != null && (offset < hit.offset || offset + length > hit.end() || expired(hit))) {
                hit = null;
            }
            ready = hit != null && hit.ready;
            if (hit != null && !ready) {
                hit.readers.add(reader);
            }
        }
        if (hit == null) {
            otherwise.run(); // somebody waits for it, which nobody does yet for the rest
        }
        wanted.forEach(this::fetch);
        if (ready) {
            hit.copy(reader);
            end.ended(null, null);
        }
    }

    private boolean expired(Segment s) {
        return s.ready && System.nanoTime() - s.since > LIFE_NS;
    }

    /** Takes note of a read; the segments that had better be fetched now. */
    private List<Segment> noticed(long offset, int length) {
        List<Segment> wanted = new ArrayList<>();
        Stream stream = null;
        for (Iterator<Stream> i = streams.iterator(); stream == null && i.hasNext(); ) {
            Stream s = i.next();
            if (s.next == offset) {
                stream = s;
                i.remove();
            }
        }
        if (stream == null) {
            stream = new Stream();
        } else {
            stream.inOrder++;
        }
        if (offset / size != (offset + length - 1) / size) {
            stream.inOrder = 0; // no segment could serve it
        }
        stream.next = offset + length;
        streams.add(stream); // the one used last is at the end
        if (streams.size() > STREAMS) {
            streams.remove(0);
        }
        if (stream.inOrder < IN_ORDER || closed) {
            return wanted;
        }
        segments.values().removeIf(this::expired);
        long first = offset / size;
        segments.remove(first - 1); // read already
        for (long n = first; n <= first + AHEAD; n++) {
            // Once only for the present one: whoever writes what was just read drops it each time.
            boolean useful = n > first || stream.inOrder == IN_ORDER || offset % size == 0;
            long from = n > first ? n * size : offset + length;
            int left = (int) ((n + 1) * size - from);
            Segment present = segments.get(n);
            if (useful && left > 0 && (present == null || present.offset > from) && from + left <= end.getAsLong()) {
                Segment s = new Segment(from, left);
                segments.put(n, s);
                wanted.add(s);
            }
        }
        return wanted;
    }

    private void fetch(Segment segment) {
        fetcher.fetch(segment.offset, segment.data, (answer, failure) -> fetched(segment, failure));
    }

    private void fetched(Segment segment, Throwable failure) {
        List<Reader> readers;
        synchronized (this) {
            readers = segment.readers;
            segment.readers = List.of();
            segment.ready = true;
            segment.since = System.nanoTime();
            if (failure != null) {
                segments.remove(segment.offset / size, segment);
            }
        }
        for (Reader r : readers) {
            if (failure == null) {
                segment.copy(r);
                r.end().ended(null, null);
            } else {
                r.otherwise().run();
            }
        }
    }

    /** A write has ended, well or not, and nobody has been told yet. */
    void written(long offset, long length) {
        if (size == 0) {
            return;
        }
        synchronized (this) {
            segments.values().removeIf(s -> s.offset < offset + length && offset < s.end());
        }
    }

    /** Nothing more is fetched. */
    synchronized void close() {
        closed = true;
        segments.clear();
        streams.clear();
    }
}
