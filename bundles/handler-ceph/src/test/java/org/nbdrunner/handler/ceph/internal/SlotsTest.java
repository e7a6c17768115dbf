package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.kenai.jffi.MemoryIO;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.kit.TestRequest;

/** Requests in flight are found again by their numbers. */
final class SlotsTest {
    private static final int MANY = 1000;

    private final Slots slots = new Slots(MemoryIO.getInstance());

    @Test
    void eachHasANumberAndACellOfItsOwn() {
        TestRequest[] requests = new TestRequest[MANY];
        int[] numbers = new int[MANY];
        Set<Long> cells = new HashSet<>();
        for (int i = 0; i < MANY; i++) {
            requests[i] = TestRequest.of(Command.FLUSH, 0, 0, 0);
            numbers[i] = slots.add(requests[i]);
            cells.add(slots.cell(numbers[i]));
        }
        assertEquals(MANY, cells.size());
        assertEquals(MANY, slots.count());
        for (int i = 0; i < MANY; i++) {
            assertSame(requests[i], slots.get(numbers[i]));
            assertSame(requests[i], slots.remove(numbers[i]));
        }
        assertEquals(0, slots.count());
        assertTrue(slots.add(requests[0]) < MANY + 256, "numbers are not used again");
        slots.release();
    }

    @Test
    void theLastOneIsWaitedFor() throws Exception {
        slots.awaitNone();
        int one = slots.add(TestRequest.of(Command.FLUSH, 0, 0, 0));
        int two = slots.add(TestRequest.of(Command.FLUSH, 0, 0, 0));
        CompletableFuture<Integer> none = CompletableFuture.supplyAsync(() -> {
            try {
                slots.awaitNone();
                return slots.count();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        slots.remove(one);
        assertEquals(1, slots.count());
        slots.remove(two);
        assertEquals(0, none.get(60, TimeUnit.SECONDS));
    }
}
