package org.nbdrunner.handler.azblk.internal;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Makes single attempts at calls. For use by any thread. */
final class Sender {
    private final HttpClient client;
    private final Threads threads;
    private final Alarms alarms;
    private final URI url;

    /**
     * Sends to one blob.
     *
     * @param client shared by all blobs
     * @param threads those of the client
     * @param alarms likewise
     * @param url of the blob, without a query
     */
    Sender(HttpClient client, Threads threads, Alarms alarms, URI url) {
        this.client = client;
        this.threads = threads;
        this.alarms = alarms;
        this.url = url;
    }

    /**
     * Makes one attempt.
     *
     * @param call what to ask
     * @param credentials what authorises it
     * @param limit from now until the end of the answer's body; the client's own limit ends with its head
     * @return the answer, whatever it is; {@link java.util.concurrent.CancellationException} once the limit is over
     */
    CompletableFuture<Answer> send(Call call, Credentials credentials, Duration limit) {
        Attempt attempt = new Attempt(call.transfer().get());
        HttpRequest request = credentials
                .authorise(url, call, attempt.transfer.length())
                .method(call.method(), attempt.transfer.publisher())
                .build();
        threads.runHere(() -> attempt.begin(request));
        Alarms.Alarm alarm = alarms.set(attempt.sent, limit);
        return attempt.result.whenComplete((answer, failure) -> alarms.clear(alarm));
    }

    private final class Attempt implements BodyHandler<String> {
        private final Transfer transfer;
        private final CompletableFuture<Answer> result = new CompletableFuture<>();
        private CompletableFuture<HttpResponse<String>> sent;

        Attempt(Transfer transfer) {
            this.transfer = transfer;
        }

        void begin(HttpRequest request) {
            sent = client.sendAsync(request, this);
            var unused = sent.whenComplete((r, failure) -> {
                if (failure == null) {
                    ended(new Answer(r.statusCode(), r.headers(), r.body()), null);
                } else {
                    ended(null, failure);
                }
            });
        }

        /** The end of the body is the end. The client tells of it later, and by a thread that may have to be started first. */
        @Override
        public BodySubscriber<String> apply(ResponseInfo info) {
            BodySubscriber<String> subscriber = transfer.handler().apply(info);
            var unused = subscriber.getBody().whenComplete((body, failure) -> {
                if (failure == null) {
                    ended(new Answer(info.statusCode(), info.headers(), body), null);
                }
            });
            return subscriber;
        }

        private void ended(Answer answer, Throwable failure) {
            transfer.end();
            if (failure == null) {
                result.complete(answer);
            } else {
                result.completeExceptionally(failure);
            }
        }
    }
}
