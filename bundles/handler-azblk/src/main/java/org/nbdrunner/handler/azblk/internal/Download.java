package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Puts what comes into lent buffers, which must then be full: a body of another length is an error, and nothing is made up for it. */
final class Download implements Transfer, BodySubscriber<String> {
    private static final int PARTIAL_CONTENT = 206;
    private static final String NOTHING = "";

    private final List<ByteBuffer> buffers;
    private final long length;
    private final CompletableFuture<String> done = new CompletableFuture<>();
    private int next;
    private long taken;
    private boolean ended;

    /** Fills from position to limit of buffers, one after the other, and leaves both as they are. */
    Download(List<ByteBuffer> lent) {
        buffers = lent.stream().map(ByteBuffer::duplicate).toList();
        length = buffers.stream().mapToLong(ByteBuffer::remaining).sum();
    }

    @Override
    public long length() {
        return 0;
    }

    @Override
    public BodyPublisher publisher() {
        return BodyPublishers.noBody();
    }

    @Override
    public BodyHandler<String> handler() {
        return info -> info.statusCode() == PARTIAL_CONTENT ? this : BodySubscribers.replacing(NOTHING);
    }

    @Override
    public synchronized void end() {
        ended = true;
    }

    @Override
    public CompletionStage<String> getBody() {
        return done;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    public synchronized void onNext(List<ByteBuffer> parts) {
        for (ByteBuffer part : parts) {
            taken += part.remaining();
            while (!ended && part.hasRemaining() && next < buffers.size()) {
                ByteBuffer to = buffers.get(next);
                int n = Math.min(part.remaining(), to.remaining());
                to.put(to.position(), part, part.position(), n);
                to.position(to.position() + n);
                part.position(part.position() + n);
                if (!to.hasRemaining()) {
                    next++;
                }
            }
        }
    }

    @Override
    public void onError(Throwable failure) {
        done.completeExceptionally(failure);
    }

    @Override
    public synchronized void onComplete() {
        if (taken == length) {
            done.complete(NOTHING);
        } else {
            done.completeExceptionally(new WrongLengthException(taken, length));
        }
    }

    /** The service has answered with more or fewer bytes than it was asked for. */
    static final class WrongLengthException extends IOException {
        private static final long serialVersionUID = 1;

        WrongLengthException(long came, long asked) {
            super(came + " bytes came instead of " + asked);
        }
    }
}
