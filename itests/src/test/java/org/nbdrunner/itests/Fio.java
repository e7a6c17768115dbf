package org.nbdrunner.itests;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** fio, writing at random and verifying what it wrote. */
final class Fio implements AutoCloseable {
    private static final int JOBS = 4;
    private static final int MIB = 16;

    /** Bytes that it writes to, from the start of the disk. */
    static final long SIZE = ((long) JOBS * MIB) << 20;

    private static final long END_S = 120;

    /** Its exit status after SIGTERM; what it met it tells of each job. */
    private static final int TERMINATED = 128;

    private final Path out;
    private final Process process;
    private final int seconds;

    /**
     * Starts it.
     *
     * @param uri of a disk of {@link #SIZE} or more; what others write there, it takes for corruption
     * @param seconds how long it runs
     */
    Fio(String uri, int seconds) throws IOException {
        this.seconds = seconds;
        out = Files.createTempFile("fio", ".json");
        List<String> command = new ArrayList<>(List.of(
                "fio",
                "--name=load",
                "--ioengine=nbd",
                "--uri=" + uri,
                "--rw=randwrite",
                "--bs=4k",
                "--iodepth=32",
                "--verify=crc32c",
                "--verify_backlog=512",
                "--verify_fatal=1",
                "--time_based",
                "--runtime=" + seconds,
                "--numjobs=" + JOBS,
                "--size=" + MIB + "M",
                "--offset_increment=" + MIB + "M",
                "--output-format=json+"));
        process = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(out.toFile())
                .redirectErrorStream(true)
                .start();
    }

    boolean isRunning() {
        return process.isAlive();
    }

    /** Insists that it still runs. */
    void assertRunning() throws IOException {
        if (!isRunning()) {
            throw new AssertionError("fio ended early: " + Files.readString(out, StandardCharsets.UTF_8));
        }
    }

    /**
     * What it met.
     *
     * @param requests that it made
     * @param longest how long one of them took at most, in ms
     * @param histogram requests by the next power of two of the ms that they took
     */
    record Outcome(long requests, double longest, Map<Long, Long> histogram) {
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder();
            histogram.forEach((bound, count) -> text.append(String.format("%n  up to %5d ms %10d", bound, count)));
            return requests + " requests, the longest took " + Math.round(longest) + " ms" + text;
        }
    }

    /** Ends it, and insists that it met no error. */
    Outcome end() throws IOException, InterruptedException {
        process.destroy(); // it still tells what it has measured
        return outcome(END_S);
    }

    /** Lets it run for as long as it was to, and insists that it met no error. */
    Outcome complete() throws IOException, InterruptedException {
        return outcome(seconds + END_S);
    }

    private Outcome outcome(long limit) throws IOException, InterruptedException {
        if (!process.waitFor(limit, TimeUnit.SECONDS)) {
            throw new AssertionError("fio does not end");
        }
        String text = Files.readString(out, StandardCharsets.UTF_8);
        if (process.exitValue() != 0 && process.exitValue() != TERMINATED) {
            throw new AssertionError("fio met an error: " + text);
        }
        String said = text.substring(0, text.indexOf('{'));
        long requests = 0;
        double longest = 0;
        Map<Long, Long> histogram = new TreeMap<>();
        for (JsonElement job : JsonParser.parseString(text.substring(said.length()))
                .getAsJsonObject()
                .getAsJsonArray("jobs")) {
            if (job.getAsJsonObject().get("error").getAsInt() != 0) {
                throw new AssertionError("fio met an error: " + said + job);
            }
            for (String direction : List.of("read", "write")) {
                JsonObject part = job.getAsJsonObject().getAsJsonObject(direction);
                requests += part.get("total_ios").getAsLong();
                JsonObject latencies = part.getAsJsonObject("clat_ns");
                longest = Math.max(longest, latencies.get("max").getAsDouble() / 1e6);
                if (latencies.has("bins")) {
                    latencies
                            .getAsJsonObject("bins")
                            .entrySet()
                            .forEach(bin -> histogram.merge(
                                    bound(Long.parseLong(bin.getKey())),
                                    bin.getValue().getAsLong(),
                                    Long::sum));
                }
            }
        }
        return new Outcome(requests, longest, histogram);
    }

    private static long bound(long ns) {
        long bound = 1;
        while (bound * 1_000_000 < ns) {
            bound *= 2;
        }
        return bound;
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        Files.deleteIfExists(out);
    }
}
