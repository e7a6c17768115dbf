package org.nbdrunner.handler.azblk.internal;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** What one call does: one part of a request, or neighbouring parts of several. Filled by one thread at a time. */
final class Batch {
    /** What a batch does. */
    enum Kind {
        READ,
        WRITE,
        CLEAR,
        RANGES
    }

    /** Is told how a part ended. */
    @FunctionalInterface
    interface End {
        /**
         * The end.
         *
         * @param answer to the call; null if there is none
         * @param failure null if all is well
         */
        void ended(Answer answer, Throwable failure);
    }

    private final Kind kind;
    private final long offset;
    private final long deadline;
    private final List<ByteBuffer> buffers = new ArrayList<>(1);
    private final List<End> ends = new ArrayList<>(1);
    private long length;
    private boolean follows;
    private boolean runs;
    private boolean streams;

    /**
     * A batch of one part.
     *
     * @param deadline by {@link System#nanoTime}
     * @param data what is written or filled, from position to limit; none for other kinds
     */
    Batch(Kind kind, long offset, long length, long deadline, List<ByteBuffer> data, End end) {
        this.kind = kind;
        this.offset = offset;
        this.length = length;
        this.deadline = deadline;
        buffers.addAll(data);
        ends.add(end);
    }

    Kind kind() {
        return kind;
    }

    long offset() {
        return offset;
    }

    long length() {
        return length;
    }

    long end() {
        return offset + length;
    }

    long deadline() {
        return deadline;
    }

    List<ByteBuffer> buffers() {
        return buffers;
    }

    /** Whether it began where another batch ended. */
    boolean follows() {
        return follows;
    }

    void setFollows() {
        follows = true;
    }

    boolean waits() {
        return !runs;
    }

    /** Whether it runs in one of the places for streams. */
    boolean streams() {
        return streams;
    }

    void setRuns(boolean asStream) {
        runs = true;
        streams = asStream;
    }

    /** Takes another one in, which begins where this one ends. */
    void append(Batch other) {
        buffers.addAll(other.buffers);
        ends.addAll(other.ends);
        length += other.length;
    }

    /** Tells all parts of the end. */
    void ended(Answer answer, Throwable failure) {
        for (End end : ends) {
            end.ended(answer, failure);
        }
    }
}
