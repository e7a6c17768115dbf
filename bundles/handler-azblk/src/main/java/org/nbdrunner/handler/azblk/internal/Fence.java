package org.nbdrunner.handler.azblk.internal;

import java.util.concurrent.CompletableFuture;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Keeps late writes out, with the blob's sequence number. Each write holds on the condition that the number is the one it knows. When the
 * outcome of a write is unknown, it may still be under way; the number is then raised before anything else is written, and from that moment
 * the service refuses the late one. So no write is acknowledged, and none that follows is sent, while an older one may land on it. Raising it
 * when a blob is opened keeps out what a process that has crashed left behind.
 *
 * <p>For use by any thread.
 */
final class Fence {
    private final Retrier retrier;
    private final String key;
    private final String lease;
    private final String identity;

    private long number;
    /** Writes of unknown outcome hold the present number. */
    private boolean suspected;
    /** The blob has another number. */
    private boolean stale;
    /** Null while nothing is under way. */
    private CompletableFuture<Long> raising;

    /**
     * A fence to be raised before the first write.
     *
     * @param lease that the blob has; empty if none
     * @param identity of the blob
     * @param number the blob's sequence number
     */
    Fence(Retrier retrier, String key, String lease, String identity, long number) {
        this.retrier = retrier;
        this.key = key;
        this.lease = lease;
        this.identity = identity;
        this.number = number;
        this.suspected = true;
    }

    /**
     * The number that a write has to hold.
     *
     * @param deadline for what may be needed first
     * @return complete already if nothing has happened
     */
    CompletableFuture<Long> number(long deadline) {
        CompletableFuture<Long> mine;
        long target;
        boolean check;
        synchronized (this) {
            if (raising != null) {
                return raising;
            }
            if (!suspected && !stale) {
                return CompletableFuture.completedFuture(number);
            }
            mine = new CompletableFuture<>();
            raising = mine;
            target = number + 1;
            check = stale;
        }
        CompletableFuture<Void> first = check
                ? retrier.run(deadline, Call::properties).thenCompose(this::isTheSame)
                : CompletableFuture.completedFuture(null);
        var unused = first.thenCompose(nothing -> retrier.run(deadline, () -> Call.raiseSequence(target, lease)))
                .whenComplete((answer, failure) -> raised(mine, target, answer, failure));
        return mine;
    }

    private void raised(CompletableFuture<Long> mine, long target, Answer answer, Throwable failure) {
        long now;
        synchronized (this) {
            raising = null;
            if (failure == null) {
                number = Math.max(target, answer.number(Call.SEQUENCE, target));
                suspected = false;
                stale = false;
            }
            now = number;
        }
        if (failure == null) {
            mine.complete(now);
        } else {
            mine.completeExceptionally(failure);
        }
    }

    /** Somebody may have deleted the blob and made another one. */
    private CompletableFuture<Void> isTheSame(Answer properties) {
        return identity.equals(identity(properties))
                ? CompletableFuture.completedFuture(null)
                : CompletableFuture.failedFuture(
                        new StorageException(Errno.EIO, key + ": it was replaced by another blob of its name"));
    }

    /** What tells a blob from others that had its name. */
    static String identity(Answer properties) {
        return properties.header("x-ms-creation-time") + properties.header(Call.MARK);
    }

    /** A write that held a number has failed. */
    synchronized void failed(Problem problem, long held) {
        if (held == number) {
            suspected |= problem.uncertain();
            stale |= problem.remedy() == Problem.Remedy.NEW_SEQUENCE;
        }
    }
}
