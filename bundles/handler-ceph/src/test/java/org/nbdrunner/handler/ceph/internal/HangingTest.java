package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** A cluster that does not answer costs each image a few threads, not one for every try. */
final class HangingTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final ClusterName WHERE = new ClusterName("", "admin", "", "ceph");

    private final Hanging hanging = new Hanging();
    private final CountDownLatch answer = new CountDownLatch(1);
    private final ImageName image = ImageName.parse("pool/image");

    HangingTest() throws StorageException {}

    private StorageException refusal(Bounded.Work<String> work, Bounded.Disposal<String> late) {
        StorageException e = assertThrows(
                StorageException.class, () -> hanging.call(WHERE, image, "open", Duration.ofMillis(1), work, late));
        assertEquals(Errno.ETIMEDOUT, e.errno());
        return e;
    }

    @Test
    void oneImageHoldsAFewThreadsUpAndNoOthers() throws Exception {
        CompletableFuture<?>[] late = new CompletableFuture<?>[Hanging.MAX];
        for (int i = 0; i < Hanging.MAX; i++) {
            CompletableFuture<String> disposed = new CompletableFuture<>();
            late[i] = disposed;
            StorageException e = refusal(
                    () -> {
                        await(answer);
                        return "late";
                    },
                    disposed::complete);
            assertTrue(e.getMessage().contains("has not answered within"), e.getMessage());
        }
        StorageException e = refusal(
                () -> {
                    throw new AssertionError("one too many");
                },
                nothing -> {});
        assertTrue(e.getMessage().contains("cannot open pool/image"), e.getMessage());
        assertTrue(e.getMessage().contains("4 earlier calls"), e.getMessage());
        assertEquals("other", hanging.call(WHERE, ImageName.parse("pool/other"), "open", LONG, () -> "other", o -> {}));
        answer.countDown();
        CompletableFuture.allOf(late).get(60, TimeUnit.SECONDS);
        assertEquals("now", hanging.call(WHERE, image, "open", LONG, () -> "now", nothing -> {}));
    }

    @Test
    void failuresAreNotCounted() throws IOException {
        for (int i = 0; i <= Hanging.MAX; i++) {
            StorageException e = assertThrows(
                    StorageException.class,
                    () -> hanging.call(
                            WHERE,
                            image,
                            "open",
                            LONG,
                            () -> {
                                throw new StorageException(Errno.ETIMEDOUT, "no monitor");
                            },
                            nothing -> {}));
            assertEquals("no monitor", e.getMessage());
        }
        assertEquals("now", hanging.call(WHERE, image, "open", LONG, () -> "now", nothing -> {}));
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
