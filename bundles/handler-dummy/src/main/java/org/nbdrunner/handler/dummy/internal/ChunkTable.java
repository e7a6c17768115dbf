package org.nbdrunner.handler.dummy.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.nbdrunner.api.handler.StorageException;

/**
 * Chunks of memory by number, present once they are written to: a radix tree, as deep as the size needs, so that an empty one costs a few
 * KiB whatever its size. It becomes deeper when the size grows. For use by any thread; looking up takes no lock.
 *
 * <p>A chunk that is taken out is left to the garbage collector, because another thread may be copying from it.
 */
final class ChunkTable {
    private static final int NODE_SHIFT = 10;
    private static final int NODE = 1 << NODE_SHIFT;
    /** Of the nodes: nodes in upper ones, chunks in those at the bottom. */
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);

    /** Where looking up begins. One that was replaced is a part of its successor, and good for the numbers that it has room for. */
    private static final class Top {
        private final Object[] node;
        private final int shift;

        Top(Object[] node, int shift) {
            this.node = node;
            this.shift = shift;
        }
    }

    private volatile Top top = new Top(new Object[NODE], 0);
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
        this.chunkSize = chunkSize;
        this.budget = budget;
        makeRoom(chunks);
    }

    /**
     * Makes room for more chunks. One thread at a time.
     *
     * @param chunks how many there can be; positive
     */
    void makeRoom(long chunks) {
        while ((chunks - 1) >>> top.shift >>> NODE_SHIFT != 0) {
            Object[] above = new Object[NODE];
            above[0] = top.node;
            top = new Top(above, top.shift + NODE_SHIFT);
        }
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
        Top from = top;
        Object[] node = from.node;
        for (int shift = from.shift; shift > 0; shift -= NODE_SHIFT) {
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
        Top from = top;
        Object[] node = from.node;
        for (int shift = from.shift; shift > 0; shift -= NODE_SHIFT) {
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
        Top from = top;
        Object[] node = from.node;
        for (int shift = from.shift; shift > 0; shift -= NODE_SHIFT) {
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
        Top from = top;
        Object[] node = from.node;
        for (int shift = from.shift; shift > 0; shift -= NODE_SHIFT) {
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
