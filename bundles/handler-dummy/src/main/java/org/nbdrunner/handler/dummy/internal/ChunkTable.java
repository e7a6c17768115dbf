package org.nbdrunner.handler.dummy.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.nbdrunner.api.handler.StorageException;

/**
 * Chunks of memory by number, present once they are written to: a radix tree, as deep as the size needs, so that an empty one costs a few
 * KiB whatever its size. For use by any thread; looking up takes no lock.
 *
 * <p>A chunk that is taken out is left to the garbage collector, because another thread may be copying from it.
 */
final class ChunkTable {
    private static final int NODE_SHIFT = 10;
    private static final int NODE = 1 << NODE_SHIFT;
    /** Of the nodes: nodes in upper ones, chunks in those at the bottom. */
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);

    private final Object[] root = new Object[NODE];
    private final int topShift;
    private final MemoryBudget budget;
    private final int chunkSize;

    /**
     * An empty table.
     *
     * @param chunks how many there can be; positive
     * @param chunkSize bytes of each
     * @param budget they are taken from, and given back to
     */
    ChunkTable(long chunks, int chunkSize, MemoryBudget budget) {
        int shift = 0;
        while ((chunks - 1) >>> shift >>> NODE_SHIFT != 0) {
            shift += NODE_SHIFT;
        }
        this.topShift = shift;
        this.chunkSize = chunkSize;
        this.budget = budget;
    }

    private static int slot(long index, int shift) {
        return (int) (index >>> shift) & (NODE - 1);
    }

    /**
     * Looks a chunk up.
     *
     * @param index its number
     * @return the chunk, or null if it is absent
     */
    ByteBuffer get(long index) {
        Object[] node = root;
        for (int shift = topShift; shift > 0; shift -= NODE_SHIFT) {
            node = (Object[]) SLOT.getAcquire(node, slot(index, shift));
            if (node == null) {
                return null;
            }
        }
        return (ByteBuffer) SLOT.getAcquire(node, slot(index, 0));
    }

    /**
     * Looks a chunk up and makes it, full of zeroes, if it is absent.
     *
     * @param index its number
     * @return the chunk
     * @throws StorageException {@code ENOSPC} if there is no memory for it
     */
    ByteBuffer getOrMake(long index) throws StorageException {
        ByteBuffer chunk = get(index);
        return chunk == null ? make(index) : chunk;
    }

    private ByteBuffer make(long index) throws StorageException {
        Object[] node = root;
        for (int shift = topShift; shift > 0; shift -= NODE_SHIFT) {
            int slot = slot(index, shift);
            Object[] below = (Object[]) SLOT.getAcquire(node, slot);
            if (below == null) {
                Object[] made = new Object[NODE];
                Object other = SLOT.compareAndExchange(node, slot, null, made);
                below = other == null ? made : (Object[]) other;
            }
            node = below;
        }
        synchronized (node) { // so that nobody makes a chunk in vain
            ByteBuffer chunk = (ByteBuffer) SLOT.getAcquire(node, slot(index, 0));
            if (chunk == null) {
                chunk = budget.allocate(chunkSize);
                SLOT.setRelease(node, slot(index, 0), chunk);
            }
            return chunk;
        }
    }

    /**
     * Takes a chunk out, if it is present.
     *
     * @param index its number
     */
    void remove(long index) {
        Object[] node = root;
        for (int shift = topShift; shift > 0; shift -= NODE_SHIFT) {
            node = (Object[]) SLOT.getAcquire(node, slot(index, shift));
            if (node == null) {
                return;
            }
        }
        if (SLOT.getAndSet(node, slot(index, 0), null) != null) {
            budget.release(chunkSize);
        }
    }

    /**
     * Where chunks stop being present, or absent, as the first one is.
     *
     * @param index the first one's number
     * @param end where to stop looking
     * @return after the first, at most the end
     */
    long endOfRun(long index, long end) {
        boolean present = get(index) != null;
        long at = index;
        do {
            at = present ? at + 1 : afterAbsent(at);
        } while (at < end && (get(at) != null) == present);
        return Math.min(at, end);
    }

    /** The first number after an absent one that may be present: whole missing nodes are passed over at once. */
    private long afterAbsent(long index) {
        Object[] node = root;
        for (int shift = topShift; shift > 0; shift -= NODE_SHIFT) {
            node = (Object[]) SLOT.getAcquire(node, slot(index, shift));
            if (node == null) {
                return ((index >>> shift) + 1) << shift;
            }
        }
        return index + 1;
    }

    /**
     * Takes all present chunks out of a range.
     *
     * @param from the first number
     * @param to after the last
     */
    void removeAll(long from, long to) {
        for (long at = from; at < to; ) {
            if (get(at) == null) {
                at = afterAbsent(at);
            } else {
                remove(at);
                at++;
            }
        }
    }
}
