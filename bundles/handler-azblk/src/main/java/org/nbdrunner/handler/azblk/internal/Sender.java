package org.nbdrunner.handler.azblk.internal;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Makes single attempts at calls. For use by any thread. */
final class Sender {
    private final HttpClient client;
    private final ScheduledExecutorService timer;
    private final URI url;

    /**
     * Sends to one blob.
     *
     * @param client shared by all blobs
     * @param timer likewise
     * @param url of the blob, without a query
     */
    Sender(HttpClient client, ScheduledExecutorService timer, URI url) {
        this.client = client;
        this.timer = timer;
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
        Transfer transfer = call.transfer().get();
        HttpRequest request = credentials
                .authorise(url, call, transfer.length())
                .method(call.method(), transfer.publisher())
                .build();
        CompletableFuture<HttpResponse<String>> sent = client.sendAsync(request, transfer.handler());
        Future<?> alarm = timer.schedule(() -> sent.cancel(true), limit.toNanos(), TimeUnit.NANOSECONDS);
        return sent.whenComplete((response, failure) -> {
                    alarm.cancel(false);
                    transfer.end();
                })
                .thenApply(r -> new Answer(r.statusCode(), r.headers(), r.body()));
    }
}
