import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The least that can be done to read and write pages of blobs: a thread and a connection for each request in flight, nothing retried. It is
 * what azblk.py compares nbd-runner with.
 *
 * <p>java BlobClient.java CONTAINER_URL SAS sockets|client: by sockets, with no HTTP client between, or by Java's HTTP client. Each line that
 * it is then given is a job, "read|write|fill BLOB SPAN BLOCK DEPTH SECONDS BYTES": blocks at random within the first SPAN bytes, or once from
 * the start to the end; until the time is over or as many bytes have been transferred. It answers with "REQUESTS SECONDS P50 P99 P99.9
 * P99.99", in microseconds.
 */
public final class BlobClient {
    private static final int MOST_HEADERS = 16384;

    private final URI container;
    private final String sas;
    private final HttpClient http;

    private BlobClient(URI container, String sas, HttpClient http) {
        this.container = container;
        this.sas = sas;
        this.http = http;
    }

    /** Does jobs until there are no more. */
    public static void main(String[] args) throws Exception {
        BlobClient client = new BlobClient(
                URI.create(args[0]), args[1],
                args[2].equals("client") ? HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build() : null);
        BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
            System.out.println(client.run(line.split(" ")));
        }
    }

    private String run(String[] job) throws InterruptedException {
        long span = Long.parseLong(job[2]);
        int block = Integer.parseInt(job[3]);
        boolean fill = job[0].equals("fill");
        AtomicLong left = new AtomicLong((fill ? span : Long.parseLong(job[6])) / block);
        long began = System.nanoTime();
        long end = began + (long) (Double.parseDouble(job[5]) * 1e9);
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(job[4]); i++) {
            Worker w = new Worker();
            w.thread = new Thread(() -> {
                boolean writes = !job[0].equals("read");
                try (Caller c = http == null ? new Connection(job[1], writes, block) : new Client(job[1], writes, block)) {
                    for (long n = left.getAndDecrement(); n > 0 && System.nanoTime() < end; n = left.getAndDecrement()) {
                        long at = fill ? n - 1 : ThreadLocalRandom.current().nextLong(span / block);
                        w.took(c.call(at * block));
                    }
                } catch (IOException | InterruptedException e) {
                    System.err.println(e);
                    System.exit(1);
                }
            });
            workers.add(w);
            w.thread.start();
        }
        for (Worker w : workers) {
            w.thread.join();
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        long[] all = workers.stream().flatMapToLong(w -> Arrays.stream(w.times, 0, w.count)).sorted().toArray();
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%d %.6f", all.length, seconds));
        for (double p : new double[] {0.5, 0.99, 0.999, 0.9999}) {
            text.append(String.format(Locale.ROOT, " %.1f", all[(int) (p * (all.length - 1))] / 1e3));
        }
        return text.toString();
    }

    private static final class Worker {
        private Thread thread;
        private long[] times = new long[1024];
        private int count;

        void took(long ns) {
            if (count == times.length) {
                times = Arrays.copyOf(times, 2 * count);
            }
            times[count++] = ns;
        }
    }

    /** Makes one call after the other. */
    private interface Caller extends AutoCloseable {

        /** Makes a call; tells how long it took. */
        long call(long offset) throws IOException, InterruptedException;

        @Override
        default void close() throws IOException {}
    }

    private final class Client implements Caller {
        private final HttpRequest.Builder request;
        private final boolean writes;
        private final int block;

        Client(String blob, boolean writes, int block) {
            this.writes = writes;
            this.block = block;
            byte[] data = new byte[block];
            ThreadLocalRandom.current().nextBytes(data);
            request = HttpRequest.newBuilder(URI.create(container + "/" + blob + "?" + (writes ? "comp=page&" : "") + sas))
                    .header("x-ms-version", "2018-03-28");
            if (writes) {
                request.header("x-ms-page-write", "update").PUT(HttpRequest.BodyPublishers.ofByteArray(data));
            }
        }

        @Override
        public long call(long offset) throws IOException, InterruptedException {
            long began = System.nanoTime();
            HttpRequest r = request.setHeader("x-ms-range", "bytes=" + offset + "-" + (offset + block - 1)).build();
            HttpResponse<byte[]> answer = http.send(r, HttpResponse.BodyHandlers.ofByteArray());
            if (writes ? answer.statusCode() != 201 : answer.body().length != block) {
                throw new IOException(answer.toString());
            }
            return System.nanoTime() - began;
        }
    }

    private final class Connection implements Caller {
        private final Socket socket = new Socket(container.getHost(), container.getPort());
        private final DataInputStream in = new DataInputStream(socket.getInputStream());
        private final OutputStream out = socket.getOutputStream();
        private final boolean writes;
        private final String head;
        private final byte[] request;
        private final byte[] data;
        private final byte[] headers = new byte[MOST_HEADERS];
        private final int block;

        Connection(String blob, boolean writes, int block) throws IOException {
            socket.setTcpNoDelay(true);
            this.writes = writes;
            this.block = block;
            data = new byte[block];
            ThreadLocalRandom.current().nextBytes(data);
            head = (writes ? "PUT " : "GET ") + container.getRawPath() + "/" + blob + "?" + (writes ? "comp=page&" : "") + sas
                    + " HTTP/1.1\r\nHost: " + container.getAuthority() + "\r\nx-ms-version: 2018-03-28\r\n"
                    + (writes ? "x-ms-page-write: update\r\nContent-Length: " + block + "\r\n" : "") + "x-ms-range: bytes=";
            request = new byte[head.length() + 64 + (writes ? block : 0)];
        }

        @Override
        public long call(long offset) throws IOException {
            long began = System.nanoTime();
            byte[] start = (head + offset + "-" + (offset + block - 1) + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(start, 0, request, 0, start.length);
            int length = start.length;
            if (writes) {
                System.arraycopy(data, 0, request, length, block);
                length += block;
            }
            out.write(request, 0, length);
            answer();
            return System.nanoTime() - began;
        }

        private void answer() throws IOException {
            int have = 0;
            int end = -1;
            while (end < 0) {
                int n = in.read(headers, have, headers.length - have);
                if (n <= 0) {
                    throw new IOException("the connection was closed");
                }
                have += n;
                end = endOfHeaders(have);
            }
            String text = new String(headers, 0, end, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
            if (!text.startsWith(writes ? "http/1.1 201" : "http/1.1 206")) {
                throw new IOException(text);
            }
            if (!writes) {
                int of = text.indexOf("\r\ncontent-length: ") + 18;
                int body = Integer.parseInt(text.substring(of, text.indexOf('\r', of)));
                int come = have - end;
                if (body != block || come > block) {
                    throw new IOException(body + " bytes came instead of " + block);
                }
                System.arraycopy(headers, end, data, 0, come);
                in.readFully(data, come, block - come);
            }
        }

        private int endOfHeaders(int have) {
            for (int i = 3; i < have; i++) {
                if (headers[i] == '\n' && headers[i - 2] == '\n') {
                    return i + 1;
                }
            }
            return -1;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
