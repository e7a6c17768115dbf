package org.nbdrunner.handler.gluster.internal;

import java.util.Arrays;

/** Finds an operation by the number that GlusterFS gives back. For use by any thread. */
final class Operations {
    private static final int INITIAL = 128;

    private Operation[] all = new Operation[0];
    private Operation[] free = new Operation[0];
    private int freeCount;

    /** One that is free. */
    synchronized Operation take() {
        if (freeCount == 0) {
            int from = all.length;
            all = Arrays.copyOf(all, Math.max(INITIAL, 2 * from));
            free = new Operation[all.length];
            for (int i = all.length - 1; i >= from; i--) {
                all[i] = new Operation(i);
                free[freeCount++] = all[i];
            }
        }
        return free[--freeCount];
    }

    /** The one of this number, or null if it has ended. */
    synchronized Operation get(long id) {
        int place = (int) id;
        Operation o = place >= 0 && place < all.length ? all[place] : null;
        return o != null && o.id() == id ? o : null;
    }

    /** Frees one. */
    synchronized void give(Operation o) {
        o.clear();
        free[freeCount++] = o;
    }
}
