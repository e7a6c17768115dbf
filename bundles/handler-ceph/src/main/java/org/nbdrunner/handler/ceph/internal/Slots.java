package org.nbdrunner.handler.ceph.internal;

import com.kenai.jffi.MemoryIO;
import java.util.Arrays;
import org.nbdrunner.api.handler.IoRequest;

/**
 * The requests in flight. Each has a number, by which its completion finds it again, and a cell of native memory, in which librbd puts
 * the completion's address. What was used once is used again: a request costs no garbage.
 */
final class Slots {
    private static final int BLOCK = 256;
    private static final int CELL_BYTES = 8;

    private final MemoryIO memory;
    private IoRequest[] requests = new IoRequest[0];
    private int[] free = new int[0];
    private int freeCount;
    private volatile long[] blocks = new long[0];

    Slots(MemoryIO memory) {
        this.memory = memory;
    }

    /** Takes a request in. */
    synchronized int add(IoRequest request) {
        if (freeCount == 0) {
            grow();
        }
        int slot = free[--freeCount];
        requests[slot] = request;
        return slot;
    }

    private void grow() {
        int n = requests.length;
        long[] more = Arrays.copyOf(blocks, blocks.length + 1);
        more[blocks.length] = memory.allocateMemory((long) BLOCK * CELL_BYTES, true);
        blocks = more;
        requests = Arrays.copyOf(requests, n + BLOCK);
        free = new int[n + BLOCK];
        for (int slot = n + BLOCK - 1; slot >= n; slot--) {
            free[freeCount++] = slot;
        }
    }

    /** The request of a number. */
    synchronized IoRequest get(int slot) {
        return requests[slot];
    }

    /** Takes a request out. */
    synchronized IoRequest remove(int slot) {
        IoRequest request = requests[slot];
        requests[slot] = null;
        free[freeCount++] = slot;
        if (freeCount == requests.length) {
            notifyAll();
        }
        return request;
    }

    /** How many there are. */
    synchronized int count() {
        return requests.length - freeCount;
    }

    /** Waits until there are none. */
    synchronized void awaitNone() throws InterruptedException {
        while (freeCount < requests.length) {
            wait();
        }
    }

    /** The cell of a number. */
    long cell(int slot) {
        return blocks[slot / BLOCK] + (long) (slot % BLOCK) * CELL_BYTES;
    }

    /** Gives the native memory back. Nothing is in flight. */
    synchronized void release() {
        for (long block : blocks) {
            memory.freeMemory(block);
        }
        blocks = new long[0];
    }
}
