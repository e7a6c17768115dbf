package org.nbdrunner.engine.internal.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A direct buffer that a connection cuts regions from. Used by one thread, the connection's reader, at a time.
 *
 * <p>Regions are lent as <em>views</em>, duplicates of the buffer, which are kept for the next lending: a steady state makes no garbage.
 */
public final class Chunk {
    private final ByteBuffer buffer;
    private ByteBuffer[] views = new ByteBuffer[8];
    private int spareViews;
    private int lent;
    private int used;

    Chunk(int capacity) {
        buffer = ByteBuffer.allocateDirect(capacity);
    }

    /**
     * The whole of it; its position and limit belong to the chunk's user.
     *
     * @return the buffer
     */
    public ByteBuffer buffer() {
        return buffer;
    }

    /**
     * The size.
     *
     * @return bytes
     */
    public int capacity() {
        return buffer.capacity();
    }

    /**
     * Lends a view, of the whole capacity.
     *
     * @return a big-endian duplicate with any position and limit
     */
    public ByteBuffer lend() {
        lent++;
        return spareViews > 0 ? views[--spareViews] : buffer.duplicate();
    }

    /**
     * Takes a view back.
     *
     * @param view what {@link #lend} gave, in any state
     */
    public void giveBack(ByteBuffer view) {
        if (spareViews == views.length) {
            views = java.util.Arrays.copyOf(views, views.length * 2);
        }
        views[spareViews++] = view.order(ByteOrder.BIG_ENDIAN);
        lent--;
    }

    /**
     * How many views are lent.
     *
     * @return not negative
     */
    public int lent() {
        return lent;
    }

    /**
     * Cuts off the next region.
     *
     * @param length bytes
     * @return where it begins; negative if there is not enough left
     */
    public int cut(int length) {
        if (length > buffer.capacity() - used) {
            return -1;
        }
        int start = used;
        used += length;
        return start;
    }

    /** Makes all of it free to be cut again. */
    public void reset() {
        used = 0;
    }
}
