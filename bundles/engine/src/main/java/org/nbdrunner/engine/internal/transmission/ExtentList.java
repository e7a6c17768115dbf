package org.nbdrunner.engine.internal.transmission;

import java.util.Arrays;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.memory.ChunkPool;

/** The extents that a volume tells for one request: joined, cut to the request's range, and not too many. */
final class ExtentList {
    /** As many as fit a reply of {@link ChunkPool#LARGE} bytes. The protocol allows 2^20; clients ask again for what is missing. */
    private static final int MAX = 16_000;

    /** Bytes that an extent takes: here, and in the largest kind of reply. */
    private static final int WEIGHT = 12 + 16;

    /** Longer lists are rare, and not kept for the next request. */
    private static final int KEPT = 256;

    private long[] lengths = new long[16];
    private int[] flags = new int[16];
    private int size;
    private long left;
    private boolean one;

    /** Bytes that the answer for a range may need at the most. */
    static long weight(long range, boolean onlyOne) {
        return onlyOne ? 0 : WEIGHT * Math.min(range, MAX);
    }

    void begin(long range, boolean onlyOne) {
        size = 0;
        left = range;
        one = onlyOne;
    }

    boolean add(long length, boolean hole, boolean zero) {
        if (length <= 0) {
            throw new IllegalArgumentException("an extent of " + length + " bytes");
        }
        if (left == 0) {
            return false;
        }
        int f = (hole ? Nbd.STATE_HOLE : 0) | (zero ? Nbd.STATE_ZERO : 0);
        long n = Math.min(length, left);
        if (size > 0 && flags[size - 1] == f) {
            lengths[size - 1] += n;
        } else if (size == (one ? 1 : MAX)) {
            left = 0;
            return false;
        } else {
            if (size == lengths.length) {
                lengths = Arrays.copyOf(lengths, size * 2);
                flags = Arrays.copyOf(flags, size * 2);
            }
            lengths[size] = n;
            flags[size++] = f;
        }
        left -= n;
        return left > 0;
    }

    boolean isLarge() {
        return lengths.length > KEPT;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    long length(int i) {
        return lengths[i];
    }

    int flags(int i) {
        return flags[i];
    }
}
