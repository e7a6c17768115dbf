package org.nbdrunner.handler.dummy.internal;

import java.nio.ByteBuffer;
import java.util.UUID;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;

/** Sparse memory of a given size. For use by any thread; reading and writing take no lock and make no garbage. */
final class Disk {
    private static final int CHUNK_SHIFT = 18;
    private static final int CHUNK = 1 << CHUNK_SHIFT;
    /** Fits the processor's caches. */
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 16).asReadOnlyBuffer();

    private static final int REPORT = 64;

    private volatile long size;
    private final String identity = UUID.randomUUID().toString();
    private final MemoryBudget budget;
    private final ChunkTable chunks;

    Disk(long size, MemoryBudget budget) {
        this.size = size;
        this.budget = budget;
        chunks = new ChunkTable(chunksOf(size), CHUNK, budget);
    }

    private static long chunksOf(long size) {
        return ((size - 1) >>> CHUNK_SHIFT) + 1;
    }

    long size() {
        return size;
    }

    /** Unlike that of any other disk, also of one of the same name. */
    String identity() {
        return identity;
    }

    /**
     * Makes all chunks.
     *
     * @param progress told how far it is
     * @throws StorageException {@link Errno#ENOSPC} if there is not memory enough
     */
    void allocateAll(ProgressListener progress) throws StorageException {
        long count = chunksOf(size);
        budget.require(size);
        for (long i = 0; i < count; i++) {
            chunks.getOrMake(i);
            if (i % REPORT == REPORT - 1 || i == count - 1) {
                progress.progress(Math.min(size, (i + 1) << CHUNK_SHIFT), size);
            }
        }
    }

    /** Fills a direct buffer between position and limit, and moves neither. */
    void read(ByteBuffer buffer, long offset) {
        int end = buffer.limit();
        long from = offset;
        for (int at = buffer.position(); at < end; ) {
            int inChunk = (int) from & (CHUNK - 1);
            int n = Math.min(end - at, CHUNK - inChunk);
            ByteBuffer chunk = chunks.get(from >>> CHUNK_SHIFT);
            if (chunk == null) {
                zero(buffer, at, n);
            } else {
                buffer.put(at, chunk, inChunk, n);
            }
            at += n;
            from += n;
        }
    }

    /** Takes over what a direct buffer has between position and limit, and moves neither. */
    void write(ByteBuffer buffer, long offset) throws StorageException {
        int end = buffer.limit();
        long to = offset;
        for (int at = buffer.position(); at < end; ) {
            int inChunk = (int) to & (CHUNK - 1);
            int n = Math.min(end - at, CHUNK - inChunk);
            chunks.getOrMake(to >>> CHUNK_SHIFT).put(inChunk, buffer, at, n);
            at += n;
            to += n;
        }
    }

    /**
     * Makes a range read as zeroes.
     *
     * @param offset bytes
     * @param length bytes
     * @param noHole whether its chunks are to be present afterwards; else whole ones are given up
     * @throws StorageException {@link Errno#ENOSPC} if there is no memory for them
     */
    void zero(long offset, long length, boolean noHole) throws StorageException {
        long end = offset + length;
        long firstWhole = (offset + CHUNK - 1) >>> CHUNK_SHIFT;
        // The end of the disk ends its last chunk.
        long afterWhole = end == size ? chunksOf(size) : end >>> CHUNK_SHIFT;
        if (noHole || firstWhole >= afterWhole) {
            zeroBytes(offset, end, noHole);
            return;
        }
        zeroBytes(offset, firstWhole << CHUNK_SHIFT, false);
        chunks.removeAll(firstWhole, afterWhole);
        if (end != size) {
            zeroBytes(afterWhole << CHUNK_SHIFT, end, false);
        }
    }

    private void zeroBytes(long from, long to, boolean make) throws StorageException {
        for (long at = from; at < to; ) {
            int inChunk = (int) at & (CHUNK - 1);
            int n = (int) Math.min(to - at, CHUNK - inChunk);
            ByteBuffer chunk = make ? chunks.getOrMake(at >>> CHUNK_SHIFT) : chunks.get(at >>> CHUNK_SHIFT);
            if (chunk != null) {
                zero(chunk, inChunk, n);
            }
            at += n;
        }
    }

    private static void zero(ByteBuffer buffer, int from, int length) {
        for (int done = 0; done < length; ) {
            int n = Math.min(ZEROES.capacity(), length - done);
            buffer.put(from + done, ZEROES, 0, n);
            done += n;
        }
    }

    /** Tells the extents of a request's range. */
    void extents(IoRequest request) {
        long end = request.offset() + request.length();
        long endChunk = chunksOf(end);
        for (long at = request.offset(); at < end; ) {
            long chunk = at >>> CHUNK_SHIFT;
            boolean hole = chunks.get(chunk) == null;
            long endOfRun = chunks.endOfRun(chunk, endChunk);
            long next = endOfRun == endChunk ? end : endOfRun << CHUNK_SHIFT;
            if (!request.extent(next - at, hole, hole)) {
                return;
            }
            at = next;
        }
    }

    /**
     * Changes the size. What is cut off is given up. One thread at a time, and nothing else uses the disk while it becomes smaller.
     *
     * @param newSize bytes
     */
    void resize(long newSize) throws StorageException {
        long before = size;
        if (newSize < before) {
            zero(newSize, before - newSize, false);
        } else {
            chunks.makeRoom(chunksOf(newSize));
        }
        size = newSize;
    }

    /** Gives up all chunks. */
    void free() {
        chunks.removeAll(0, chunksOf(size));
    }
}
