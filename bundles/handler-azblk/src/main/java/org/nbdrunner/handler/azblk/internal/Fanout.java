package org.nbdrunner.handler.azblk.internal;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.nbdrunner.api.handler.IoRequest;

/** Completes a request once all of its parts have ended. */
final class Fanout implements Batch.End {
    private final IoRequest request;
    private final AtomicInteger left;
    private final AtomicReference<Throwable> first = new AtomicReference<>();

    Fanout(IoRequest request, int parts) {
        this.request = request;
        this.left = new AtomicInteger(parts);
    }

    @Override
    public void ended(Answer answer, Throwable failure) {
        if (failure != null) {
            first.compareAndSet(null, failure);
        }
        if (left.decrementAndGet() > 0) {
            return;
        }
        if (first.get() == null) {
            request.complete();
        } else {
            request.fail(first.get());
        }
    }
}
