package org.nbdrunner.itests;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands before an emulator, passes on what it is asked, and lets some of it go wrong. */
final class FaultProxy implements AutoCloseable {
    private static final int THREADS = 32;
    private static final long DELAY_MS = 500;
    private static final long LATE_MS = 1500;
    private static final Set<String> OWN_HEADERS =
            caseless("Host", "Connection", "Content-Length", "Transfer-Encoding");

    /** What goes wrong. */
    enum Fault {
        /** 503, and nothing is done. */
        BUSY,
        /** 500, though it is done. */
        FAILED,
        /** The connection is cut, and nothing is done. */
        CUT_BEFORE,
        /** The connection is cut when it is done. */
        CUT_AFTER,
        /** The connection is cut, and it is done later, perhaps after what was sent when the cut was seen. */
        LATE,
        /** The connection is cut in the midst of the answer. */
        SHORT,
        /** All is well, but slow. */
        SLOW
    }

    private final Azurite azurite;
    private final HttpServer server;
    private final ScheduledExecutorService threads = Executors.newScheduledThreadPool(THREADS);
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Map<Fault, AtomicInteger> met = new EnumMap<>(Fault.class);
    private final AtomicInteger lateWaiting = new AtomicInteger();
    private volatile int percent;

    /** Blobs that were asked for their properties: once when one is opened. */
    final AtomicInteger opened = new AtomicInteger();

    /** Writes of pages. */
    final AtomicInteger written = new AtomicInteger();

    /** Reads of pages. */
    final AtomicInteger read = new AtomicInteger();

    /** Late writes that the service has refused. */
    final AtomicInteger lateRefused = new AtomicInteger();

    /** The largest body of a request. */
    final AtomicInteger largest = new AtomicInteger();

    FaultProxy(Azurite azurite) throws IOException {
        this.azurite = azurite;
        for (Fault f : Fault.values()) {
            met.put(f, new AtomicInteger());
        }
        System.setProperty("sun.net.httpserver.nodelay", "true");
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    private static Set<String> caseless(String... names) {
        Set<String> set = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        set.addAll(Set.of(names));
        return set;
    }

    private String toHere(String text) {
        return text.replaceFirst(
                ":" + azurite.setting("PORT"), ":" + server.getAddress().getPort());
    }

    /** The name of a blob that is reached through this. */
    String key(String blob) {
        return toHere(azurite.key(blob));
    }

    /** Likewise, with a SAS. */
    String cfg(String blob) {
        return toHere(azurite.cfg(blob));
    }

    /** How many of a hundred reads and writes of pages meet a fault from now on. */
    void setFaults(int percent) {
        this.percent = percent;
    }

    /** How often the rarest fault was met. */
    int met() {
        return met.values().stream().mapToInt(AtomicInteger::get).min().orElseThrow();
    }

    /** How many requests are to be passed on late. */
    int lateWaiting() {
        return lateWaiting.get();
    }

    @Override
    public String toString() {
        return met + ", late and refused: " + lateRefused;
    }

    private void handle(HttpExchange x) throws IOException {
        byte[] body = x.getRequestBody().readAllBytes();
        largest.accumulateAndGet(body.length, Math::max);
        String method = x.getRequestMethod();
        String query = x.getRequestURI().getRawQuery();
        if (method.equals("HEAD")) {
            opened.incrementAndGet();
        }
        boolean writes = query.startsWith("comp=page&");
        if (writes) {
            written.incrementAndGet();
        }
        boolean reads = method.equals("GET");
        if (reads) {
            read.incrementAndGet();
        }
        boolean pages = writes || reads;
        if (!pages || ThreadLocalRandom.current().nextInt(100) >= percent) {
            answer(x, forward(x, body), false);
            return;
        }
        Fault[] all = Fault.values();
        Fault fault = all[ThreadLocalRandom.current().nextInt(all.length)];
        switch (fault) {
            case BUSY -> error(x, 503, "ServerBusy");
            case FAILED -> {
                forward(x, body);
                error(x, 500, "OperationTimedOut");
            }
            case CUT_BEFORE -> x.close();
            case CUT_AFTER -> {
                forward(x, body);
                x.close();
            }
            case LATE -> {
                lateWaiting.incrementAndGet();
                x.close();
                var unused = threads.schedule(() -> late(x, body), LATE_MS, TimeUnit.MILLISECONDS);
            }
            case SHORT -> answer(x, forward(x, body), true);
            case SLOW -> {
                var unused =
                        threads.schedule(() -> answer(x, forward(x, body), false), DELAY_MS, TimeUnit.MILLISECONDS);
            }
        }
        met.get(fault).incrementAndGet();
    }

    private void late(HttpExchange x, byte[] body) {
        HttpResponse<byte[]> response = forward(x, body);
        if (response != null && response.statusCode() == 412) {
            lateRefused.incrementAndGet();
        }
        lateWaiting.decrementAndGet();
    }

    /** What the service answers; null if it does not. */
    private HttpResponse<byte[]> forward(HttpExchange x, byte[] body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + azurite.setting("PORT") + x.getRequestURI()))
                .method(x.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
        x.getRequestHeaders().forEach((name, values) -> {
            if (!OWN_HEADERS.contains(name)) {
                request.setHeader(name, values.get(0));
            }
        });
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException e) {
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    private static Void answer(HttpExchange x, HttpResponse<byte[]> response, boolean cut) throws IOException {
        try (x) {
            if (response == null) {
                return null;
            }
            boolean head = x.getRequestMethod().equals("HEAD");
            Headers headers = x.getResponseHeaders();
            response.headers().map().forEach((name, values) -> {
                if (!OWN_HEADERS.contains(name) || (head && name.equalsIgnoreCase("Content-Length"))) {
                    headers.set(name, values.get(0));
                }
            });
            byte[] body = response.body();
            if (cut && body.length == 0) {
                return null;
            }
            x.sendResponseHeaders(response.statusCode(), body.length == 0 ? -1 : body.length);
            x.getResponseBody().write(body, 0, cut ? body.length / 2 : body.length);
        }
        return null;
    }

    private static void error(HttpExchange x, int status, String code) throws IOException {
        try (x) {
            x.getResponseHeaders().set("x-ms-error-code", code);
            x.sendResponseHeaders(status, -1);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
