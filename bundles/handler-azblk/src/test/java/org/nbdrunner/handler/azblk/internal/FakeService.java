package org.nbdrunner.handler.azblk.internal;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * As much of the Blob service as the handler uses, in memory, stricter than emulators are, and with faults at will. A fault is chosen for
 * each request by its method and query.
 */
final class FakeService implements AutoCloseable {
    static final String ACCOUNT = "devaccount";
    static final String SAS = "sv=2018-03-28&sp=rw&sig=good%2Bone";

    private static final int PAGE = 512;
    private static final AtomicLong CREATED = new AtomicLong();

    /** What goes wrong with a request. */
    enum Fault {
        NONE,
        /** 503, nothing done. */
        BUSY,
        /** 429, nothing done, and to be left alone for a second. */
        PAUSE,
        /** 500, done or not. */
        FAIL,
        /** The connection is cut before anything is done. */
        CUT_BEFORE,
        /** The connection is cut after all is done. */
        CUT_AFTER,
        /** The connection is cut, and it is done later: when the test says so. */
        LATE,
        /** Neither done nor answered until the test ends. */
        STALL,
        /** A part of the answer's body does not come. */
        SHORT
    }

    /** Chooses faults. */
    @FunctionalInterface
    interface Plan {
        Fault next(String method, String query) throws InterruptedException;
    }

    /** A blob. */
    static final class Blob {
        byte[] data;
        boolean[] pages;
        long sequence;
        String lease = "";
        String mark = "";
        final String type;
        final long created = CREATED.incrementAndGet();

        Blob(int size, String type) {
            this.data = new byte[size];
            this.pages = new boolean[size / PAGE];
            this.type = type;
        }
    }

    /** An answer. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Reply(int status, String code, Map<String, String> headers, byte[] body) {
        static Reply error(int status, String code) {
            return new Reply(status, code, Map.of(), new byte[0]);
        }
    }

    final Map<String, Blob> blobs = new ConcurrentHashMap<>();
    final List<String> log = new CopyOnWriteArrayList<>();
    final List<String> authorisations = new CopyOnWriteArrayList<>();
    final AtomicInteger mostAtOnce = new AtomicInteger();
    final CountDownLatch late = new CountDownLatch(1);
    final CountDownLatch lateDone = new CountDownLatch(1);
    volatile int lateStatus;
    volatile Plan plan = (method, query) -> Fault.NONE;
    volatile String sas = SAS;

    private final CountDownLatch end = new CountDownLatch(1);
    private final AtomicInteger atOnce = new AtomicInteger();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer server;

    FakeService() throws IOException {
        System.setProperty("sun.net.httpserver.nodelay", "true");
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    String authority() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    String key(String blob) {
        return authority() + "/" + ACCOUNT + "/vhds/" + blob;
    }

    String cfg(String blob) {
        return key(blob) + ";sas=" + SAS + ";http";
    }

    Blob blob(String name) {
        return blobs.get("/" + ACCOUNT + "/vhds/" + name);
    }

    private void handle(HttpExchange x) throws IOException {
        mostAtOnce.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
        try (x) {
            Outcome outcome;
            try {
                outcome = outcome(x);
            } finally {
                atOnce.decrementAndGet(); // before the client knows, who may then send another one
            }
            if (outcome.reply() != null) {
                answer(x, outcome.reply(), outcome.cut());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * What becomes of a request.
     *
     * @param reply null if there is none
     * @param cut whether half of it is all that is sent
     */
    private record Outcome(Reply reply, boolean cut) {
        static final Outcome NOTHING = new Outcome(null, false);

        static Outcome error(int status, String code) {
            return new Outcome(Reply.error(status, code), false);
        }
    }

    private Outcome outcome(HttpExchange x) throws IOException, InterruptedException {
        byte[] body = x.getRequestBody().readAllBytes();
        String query = Objects.toString(x.getRequestURI().getRawQuery(), "");
        String range = Objects.toString(x.getRequestHeaders().getFirst("x-ms-range"), "");
        log.add(x.getRequestMethod() + " " + query.replaceAll("&?sv=.*", "") + " " + range);
        if (x.getRequestHeaders().containsKey("Authorization")) {
            authorisations.add(x.getRequestHeaders().getFirst("Authorization"));
        } else if (!query.endsWith(sas)) {
            return Outcome.error(403, "AuthenticationFailed");
        }
        Fault fault = plan.next(x.getRequestMethod(), query);
        return switch (fault) {
            case BUSY -> Outcome.error(503, "ServerBusy");
            case PAUSE -> new Outcome(new Reply(429, "TooMany", Map.of("Retry-After", "1"), new byte[0]), false);
            case FAIL -> {
                serve(x, query, body);
                yield Outcome.error(500, "OperationTimedOut");
            }
            case CUT_BEFORE -> Outcome.NOTHING;
            case CUT_AFTER -> {
                serve(x, query, body);
                yield Outcome.NOTHING;
            }
            case LATE -> {
                threads.execute(() -> {
                    try {
                        late.await();
                        lateStatus = serve(x, query, body).status();
                        lateDone.countDown();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
                yield Outcome.NOTHING;
            }
            case STALL -> {
                end.await();
                yield Outcome.NOTHING;
            }
            case NONE, SHORT -> new Outcome(serve(x, query, body), fault == Fault.SHORT);
        };
    }

    private static void answer(HttpExchange x, Reply r, boolean cut) throws IOException {
        r.headers().forEach((name, value) -> x.getResponseHeaders().set(name, value));
        if (!r.code().isEmpty()) {
            x.getResponseHeaders().set("x-ms-error-code", r.code());
        }
        boolean head = x.getRequestMethod().equals("HEAD");
        x.sendResponseHeaders(r.status(), head || r.body().length == 0 ? -1 : r.body().length);
        if (!head && r.body().length > 0) {
            x.getResponseBody().write(r.body(), 0, cut ? r.body().length / 2 : r.body().length);
        }
    }

    private synchronized Reply serve(HttpExchange x, String query, byte[] body) {
        String path = x.getRequestURI().getRawPath();
        String method = x.getRequestMethod();
        String lease = header(x, "x-ms-lease-id");
        Blob b = blobs.get(path);
        if (method.equals("PUT") && !query.contains("comp=")) {
            return put(x, path, b);
        }
        if (b == null) {
            return Reply.error(404, "BlobNotFound");
        }
        if (!lease.isEmpty() && !lease.equals(b.lease)) {
            return Reply.error(
                    412, b.lease.isEmpty() ? "LeaseNotPresentWithBlobOperation" : "LeaseIdMismatchWithBlobOperation");
        }
        boolean reads = method.equals("HEAD") || method.equals("GET") || query.contains("comp=lease");
        if (!reads && lease.isEmpty() && !b.lease.isEmpty()) {
            return Reply.error(412, "LeaseIdMissing");
        }
        return switch (method + " " + query.replaceAll(".*comp=([a-z]*).*|.*", "$1")) {
            case "HEAD " -> ok(200, properties(b));
            case "DELETE " -> {
                blobs.remove(path);
                yield ok(202, Map.of());
            }
            case "PUT lease" -> lease(b, header(x, "x-ms-proposed-lease-id"));
            case "PUT properties" -> {
                String size = header(x, "x-ms-blob-content-length");
                if (!size.isEmpty()) {
                    b.data = Arrays.copyOf(b.data, Integer.parseInt(size));
                    b.pages = Arrays.copyOf(b.pages, b.data.length / PAGE);
                    yield ok(200, Map.of("x-ms-blob-sequence-number", "" + b.sequence));
                }
                b.sequence = Math.max(b.sequence, Long.parseLong(header(x, "x-ms-blob-sequence-number")));
                yield ok(200, Map.of("x-ms-blob-sequence-number", "" + b.sequence));
            }
            case "PUT page" -> page(x, b, body);
            case "GET " -> get(x, b);
            case "GET pagelist" -> pageList(x, b);
            default -> Reply.error(400, "InvalidQueryParameterValue");
        };
    }

    private Reply put(HttpExchange x, String path, Blob b) {
        if (b != null) {
            return Reply.error(409, "BlobAlreadyExists");
        }
        int size = Integer.parseInt(header(x, "x-ms-blob-content-length"));
        Blob made = new Blob(size, "PageBlob");
        made.mark = header(x, "x-ms-meta-nbdrunner");
        blobs.put(path, made);
        return size % PAGE == 0 ? ok(201, Map.of()) : Reply.error(400, "InvalidHeaderValue");
    }

    private static Map<String, String> properties(Blob b) {
        return Map.of(
                "Content-Length",
                "" + b.data.length,
                "x-ms-blob-type",
                b.type,
                "x-ms-blob-sequence-number",
                "" + b.sequence,
                "x-ms-lease-state",
                b.lease.isEmpty() ? "available" : "leased",
                "x-ms-meta-nbdrunner",
                b.mark,
                "x-ms-creation-time",
                "" + b.created);
    }

    private static Reply lease(Blob b, String proposed) {
        if (!b.lease.isEmpty() && !b.lease.equals(proposed)) {
            return Reply.error(409, "LeaseAlreadyPresent");
        }
        b.lease = proposed;
        return ok(201, Map.of());
    }

    private static Reply page(HttpExchange x, Blob b, byte[] body) {
        long[] range = range(x);
        boolean update = header(x, "x-ms-page-write").equals("update");
        if (Long.parseLong(header(x, "x-ms-if-sequence-number-eq")) != b.sequence) {
            return Reply.error(412, "SequenceNumberConditionNotMet");
        }
        if (range[0] % PAGE != 0 || range[1] % PAGE != 0 || range[1] > b.data.length) {
            return Reply.error(416, "InvalidPageRange");
        }
        if (body.length > 4 << 20) {
            return Reply.error(413, "RequestBodyTooLarge");
        }
        if (update ? body.length != range[1] - range[0] : body.length != 0) {
            return Reply.error(400, "InvalidHeaderValue");
        }
        int from = (int) range[0];
        int to = (int) range[1];
        if (update) {
            System.arraycopy(body, 0, b.data, from, body.length);
        } else {
            Arrays.fill(b.data, from, to, (byte) 0);
        }
        Arrays.fill(b.pages, from / PAGE, to / PAGE, update);
        return ok(201, Map.of("x-ms-blob-sequence-number", "" + b.sequence));
    }

    private static Reply get(HttpExchange x, Blob b) {
        long[] range = range(x);
        if (range[0] >= b.data.length) {
            return Reply.error(416, "InvalidRange");
        }
        int to = (int) Math.min(range[1], b.data.length);
        return new Reply(
                206,
                "",
                Map.of("Content-Range", "bytes " + range[0] + "-" + (to - 1) + "/" + b.data.length),
                Arrays.copyOfRange(b.data, (int) range[0], to));
    }

    private static Reply pageList(HttpExchange x, Blob b) {
        long[] range = range(x);
        StringBuilder xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?><PageList>");
        int last = (int) (Math.min(range[1], b.data.length) / PAGE);
        for (int p = (int) (range[0] / PAGE); p < last; ) {
            int from = p;
            while (p < last && b.pages[p] == b.pages[from]) {
                p++;
            }
            if (b.pages[from]) {
                xml.append(String.format(
                        Locale.ROOT,
                        "<PageRange><Start>%d</Start><End>%d</End></PageRange>",
                        (long) from * PAGE,
                        (long) p * PAGE - 1));
            }
        }
        byte[] body = xml.append("</PageList>").toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        return new Reply(200, "", Map.of("x-ms-blob-content-length", "" + b.data.length), body);
    }

    private static Reply ok(int status, Map<String, String> headers) {
        return new Reply(status, "", headers, new byte[0]);
    }

    private static String header(HttpExchange x, String name) {
        return Objects.toString(x.getRequestHeaders().getFirst(name), "");
    }

    /** From the first byte to behind the last one. */
    private static long[] range(HttpExchange x) {
        String[] ends = header(x, "x-ms-range").substring("bytes=".length()).split("-", -1);
        return new long[] {Long.parseLong(ends[0]), Long.parseLong(ends[1]) + 1};
    }

    @Override
    public void close() {
        end.countDown();
        late.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
