package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Nobody waits for ever for a cluster that does not answer. */
final class BoundedTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    @Test
    void resultsAndFailuresComeThrough() throws IOException {
        assertEquals(7, Bounded.call("count", LONG, () -> 7, late -> {}));
        StorageException e = assertThrows(
                StorageException.class,
                () -> Bounded.call(
                        "fail",
                        LONG,
                        () -> {
                            throw new StorageException(Errno.ENOSPC, "full");
                        },
                        late -> {}));
        assertEquals(Errno.ENOSPC, e.errno());
        assertEquals("full", e.getMessage());
    }

    @Test
    void whatComesTooLateIsDisposedOf() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        CompletableFuture<String> disposed = new CompletableFuture<>();
        StorageException e = assertThrows(
                StorageException.class,
                () -> Bounded.call(
                        "open p/i",
                        Duration.ofMillis(1),
                        () -> {
                            await(answer);
                            return "image";
                        },
                        disposed::complete));
        assertEquals(Errno.ETIMEDOUT, e.errno());
        assertTrue(e.getMessage().contains("open p/i"), e.getMessage());
        answer.countDown();
        assertEquals("image", disposed.get(60, TimeUnit.SECONDS));
    }

    @Test
    void signsOfLifeAreWaitedFor() throws IOException {
        // The first time that it is asked, the last sign is too old; then there is a new one.
        AtomicBoolean asked = new AtomicBoolean();
        CountDownLatch go = new CountDownLatch(1);
        AtomicLong old = new AtomicLong(System.nanoTime() - LONG.toNanos());
        String result = Bounded.call(
                "delete p/i",
                LONG,
                () -> {
                    if (asked.compareAndSet(false, true)) {
                        return old.get();
                    }
                    go.countDown();
                    return System.nanoTime();
                },
                () -> {
                    await(go);
                    return "done";
                },
                late -> {});
        assertEquals("done", result);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
