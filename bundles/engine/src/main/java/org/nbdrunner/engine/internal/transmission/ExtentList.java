package org.nbdrunner.engine.internal.transmission;

import java.util.Arrays;
import org.nbdrunner.engine.internal.Nbd;

/** The extents that a volume tells for one request: joined, cut to the request's range, and not too many. */
final class ExtentList {
    /** The protocol allows 2^20 in a chunk; clients ask again for what is missing. */
    private static final int MAX = 1 << 16;

    private long[] lengths = new long[16];
    private int[] flags = new int[16];
    private int size;
    private long left;
    private boolean one;

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
