package org.nbdrunner.handler.azblk.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.nbdrunner.kit.TestRequest;

/** Which thread does what, and for how long. */
class ThreadsTest {
    private static Thread get(CompletableFuture<Thread> future) throws Exception {
        return future.get(TestRequest.LIMIT_S, TimeUnit.SECONDS);
    }

    @Test
    void workIsHandedOverByThoseOnlyWhoMustNotBeHeldUp() throws Exception {
        Threads threads = new Threads(Thread::new);
        CompletableFuture<Thread> first = new CompletableFuture<>();
        CompletableFuture<Thread> second = new CompletableFuture<>();
        threads.execute(() -> {
            threads.execute(() -> second.complete(Thread.currentThread()));
            first.complete(Thread.currentThread());
        });
        assertNotEquals(Thread.currentThread(), get(first));
        assertEquals(get(first), get(second));
        CompletableFuture<Thread> here = new CompletableFuture<>();
        CompletableFuture<Thread> elsewhere = new CompletableFuture<>();
        threads.runHere(() -> threads.execute(() -> here.complete(Thread.currentThread())));
        threads.execute(() -> elsewhere.complete(Thread.currentThread()));
        assertEquals(Thread.currentThread(), get(here));
        assertNotEquals(Thread.currentThread(), get(elsewhere));
    }

    @Test
    void whatTakesTooLongIsCancelledAndNothingElse() {
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
        try {
            Alarms alarms = new Alarms(timer);
            for (int round = 0; round < 2; round++) { // it looks again after it had nothing to look at
                CompletableFuture<Void> longer = new CompletableFuture<>();
                CompletableFuture<Void> late = new CompletableFuture<>();
                Alarms.Alarm notYet = alarms.set(longer, Duration.ofHours(1));
                Alarms.Alarm now = alarms.set(late, Duration.ZERO);
                assertThrows(CancellationException.class, () -> late.get(TestRequest.LIMIT_S, TimeUnit.SECONDS));
                assertFalse(longer.isDone());
                alarms.clear(notYet);
                alarms.clear(now);
            }
        } finally {
            timer.shutdownNow();
        }
    }
}
