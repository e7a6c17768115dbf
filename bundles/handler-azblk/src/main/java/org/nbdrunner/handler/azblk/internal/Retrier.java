package org.nbdrunner.handler.azblk.internal;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Makes calls until they succeed, cannot succeed, or their time is over. For use by any thread. */
final class Retrier {
    private static final long FIRST_PAUSE_MS = 100;
    private static final long LONGEST_PAUSE_MS = 5000;
    private static final int QUICK_RETRIES = 3;
    private static final int IMPATIENT_TRIES = 4;

    private final Sender sender;
    private final ScheduledExecutorService timer;
    private final CredentialSource credentials;
    private final Health health;
    private final String key;
    private final Duration attemptLimit;
    private final boolean patient;

    /**
     * Calls one blob.
     *
     * @param key of the blob, for messages
     * @param attemptLimit how long one attempt may take
     * @param patient whether to wait for a service that cannot be reached, rather than to tell the user soon
     */
    Retrier(
            Sender sender,
            ScheduledExecutorService timer,
            CredentialSource credentials,
            String key,
            Duration attemptLimit,
            boolean patient) {
        this.sender = sender;
        this.timer = timer;
        this.credentials = credentials;
        this.health = new Health(key);
        this.key = key;
        this.attemptLimit = attemptLimit;
        this.patient = patient;
    }

    /** Something to be called. */
    interface Task {

        /**
         * Makes the call for an attempt.
         *
         * @param limit how long the attempt may take
         */
        CompletableFuture<Call> call(Duration limit);

        /** Is told of an attempt that failed and will be followed by another one, perhaps. */
        default void failed(Problem problem) {}
    }

    /** Makes a call that is the same each time. */
    CompletableFuture<Answer> run(long deadline, Supplier<Call> call) {
        return run(deadline, limit -> CompletableFuture.completedFuture(call.get()));
    }

    /**
     * Makes a call.
     *
     * @param deadline by {@link System#nanoTime}
     * @return the answer, of a status that means success; or a {@link BlobException}
     */
    CompletableFuture<Answer> run(long deadline, Task task) {
        Run run = new Run(task, deadline);
        run.attempt();
        return run.result;
    }

    private final class Run {
        final CompletableFuture<Answer> result = new CompletableFuture<>();
        private final Task task;
        private final long began = System.nanoTime();
        private final long deadline;

        // Attempts follow one another, so that no two threads are here at once.
        private int tries;
        private int sequenceTries;
        private boolean uncertain;
        private boolean reloaded;

        Run(Task task, long deadline) {
            this.task = task;
            this.deadline = deadline;
        }

        void attempt() {
            Duration left = Duration.ofNanos(deadline - System.nanoTime());
            if (left.isNegative() || left.isZero()) {
                giveUp("it waited too long for its turn", "");
                return;
            }
            try {
                Duration limit = left.compareTo(attemptLimit) < 0 ? left : attemptLimit;
                var unused = task.call(limit)
                        .thenCompose(call -> sender.send(call, credentials.current(), limit))
                        .whenComplete(this::ended);
            } catch (RuntimeException | OutOfMemoryError e) {
                ended(null, e);
            }
        }

        private void ended(Answer answer, Throwable failure) {
            try {
                Throwable t = failure instanceof CompletionException ? failure.getCause() : failure;
                if (t instanceof StorageException s) {
                    earlierCallFailed(s);
                    return;
                }
                Problem problem = t == null ? Problem.of(answer) : Problem.of(t);
                if (problem == null) {
                    health.good();
                    result.complete(answer);
                } else {
                    problem(problem);
                }
            } catch (RuntimeException | OutOfMemoryError e) {
                result.completeExceptionally(e);
            }
        }

        /** What the task needs before its own call had less time than this has. */
        private void earlierCallFailed(StorageException e) {
            if (e.errno() == Errno.ETIMEDOUT && System.nanoTime() - deadline < 0) {
                attempt();
            } else {
                result.completeExceptionally(e);
            }
        }

        private void problem(Problem problem) {
            uncertain |= problem.uncertain();
            task.failed(problem);
            switch (problem.remedy()) {
                case NONE -> fail(problem, problem.text());
                case RETRY -> {
                    health.bad(problem.text());
                    boolean unreachable =
                            problem.errno() == Errno.ECONNREFUSED || problem.errno() == Errno.EHOSTUNREACH;
                    if (unreachable && !patient && tries + 1 >= IMPATIENT_TRIES) {
                        fail(problem, problem.text());
                    } else {
                        retryLater(problem);
                    }
                }
                case NEW_SEQUENCE -> {
                    if (++sequenceTries <= QUICK_RETRIES) {
                        attempt();
                    } else {
                        retryLater(problem);
                    }
                }
                case NEW_CREDENTIALS -> newCredentials(problem);
            }
        }

        private void retryLater(Problem problem) {
            long pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(tries, 10));
            tries++;
            pause = pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1);
            pause = Math.max(pause, problem.pause().toMillis());
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (pause >= left) {
                giveUp(problem.text(), problem.code());
                return;
            }
            try {
                var unused = timer.schedule(this::attempt, pause, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                fail(problem, problem.text());
            }
        }

        private void giveUp(String text, String code) {
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
            result.completeExceptionally(new BlobException(
                    Errno.ETIMEDOUT, key + ": given up after " + seconds + " s: " + text, code, uncertain, null));
        }

        private void newCredentials(Problem problem) {
            if (credentials.canReload() && !reloaded) {
                reloaded = true;
                try {
                    credentials.reload();
                } catch (StorageException e) {
                    result.completeExceptionally(e);
                    return;
                }
                attempt();
                return;
            }
            fail(
                    problem,
                    "it is not authorised (" + problem.text() + "): "
                            + credentials.current().refusal(Instant.now()));
        }

        private void fail(Problem problem, String text) {
            result.completeExceptionally(
                    new BlobException(problem.errno(), key + ": " + text, problem.code(), uncertain, null));
        }
    }
}
