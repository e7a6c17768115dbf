package org.nbdrunner.engine.internal.memory;

/** Chunks of power-of-two sizes, kept for reuse by all connections. For use by any thread. */
public final class ChunkPool {
    /** What an idle connection waits with, and a quiet one puts its replies into: a request and its payload of 4 KiB fit. */
    public static final int SMALL = 1 << 13;
    /** What a busy connection holds. */
    public static final int LARGE = 1 << 18;

    private static final int MIN_SHIFT = 13;
    private static final int CLASSES = 14;

    private final Object[] locks = new Object[CLASSES];
    private final Chunk[][] free = new Chunk[CLASSES][];
    private final int[] count = new int[CLASSES];

    /** Taken and not put back. */
    private final int[] out = new int[CLASSES];

    /**
     * A pool.
     *
     * @param keepPerSize bytes that are kept of each size at the most; beyond that chunks are left to the garbage collector
     */
    public ChunkPool(long keepPerSize) {
        for (int i = 0; i < CLASSES; i++) {
            locks[i] = new Object();
            free[i] = new Chunk[(int) Math.max(2, keepPerSize >> (MIN_SHIFT + i))];
        }
    }

    /**
     * Takes a chunk.
     *
     * @param size bytes that it must hold at least, up to 64 MiB
     * @return a chunk, with nothing lent and all of it free
     */
    public Chunk take(int size) {
        int c = sizeClass(size);
        synchronized (locks[c]) {
            if (count[c] > 0) {
                out[c]++;
                Chunk chunk = free[c][--count[c]];
                free[c][count[c]] = null;
                return chunk;
            }
        }
        Chunk chunk = new Chunk(1 << (MIN_SHIFT + c));
        synchronized (locks[c]) {
            out[c]++;
        }
        return chunk;
    }

    /**
     * Puts a chunk back.
     *
     * @param chunk nothing of it is lent
     */
    public void put(Chunk chunk) {
        if (chunk.lent() != 0) {
            throw new IllegalStateException("a chunk with lent views");
        }
        chunk.reset();
        chunk.buffer().clear();
        int c = sizeClass(chunk.capacity());
        synchronized (locks[c]) {
            out[c]--;
            if (count[c] < free[c].length) {
                free[c][count[c]++] = chunk;
            }
        }
    }

    /**
     * The size of all chunks that were taken and not put back, be it that they are used or left to the garbage collector.
     *
     * @return bytes; a momentary number
     */
    public long outstanding() {
        long bytes = 0;
        for (int c = 0; c < CLASSES; c++) {
            synchronized (locks[c]) {
                bytes += (long) out[c] << (MIN_SHIFT + c);
            }
        }
        return bytes;
    }

    private static int sizeClass(int size) {
        int shift = Math.max(MIN_SHIFT, 32 - Integer.numberOfLeadingZeros(size - 1));
        if (shift >= MIN_SHIFT + CLASSES) {
            throw new IllegalArgumentException("no chunk holds " + size + " bytes");
        }
        return shift - MIN_SHIFT;
    }
}
