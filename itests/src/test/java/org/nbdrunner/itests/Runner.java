package org.nbdrunner.itests;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** The packed distribution, unpacked once more into a folder of its own, on free ports. */
final class Runner implements AutoCloseable {
    static final Path DISTRIBUTION = Path.of(System.getProperty("distribution"));
    static final Path ITESTS = Path.of(System.getProperty("itests"));

    private static final long START_S = 60;
    private static final String UP = " is serving: ";

    final Path home;
    final int port;
    final int legacyPort;
    final int controlPort;
    final int livenessPort;
    private final Path log;
    private Process process;

    Runner() throws IOException {
        home = Files.createTempDirectory("nbd-runner-it");
        copy(DISTRIBUTION, home);
        List<Integer> free = freePorts(4);
        port = free.get(0);
        legacyPort = free.get(1);
        controlPort = free.get(2);
        livenessPort = free.get(3);
        configure("org.nbdrunner.engine", Map.of("port", "" + port, "legacyPort", "" + legacyPort));
        configure(
                "org.nbdrunner.rpc",
                Map.of("port", "" + controlPort, "livenessPort", "" + livenessPort, "rpcbind", "false"));
        log = home.resolve("console.log");
    }

    /** Sets keys in a configuration file of the distribution; the others stay as they are. */
    void configure(String pid, Map<String, String> values) throws IOException {
        Path file = home.resolve("conf/" + pid + ".cfg");
        List<String> lines = new ArrayList<>();
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
                if (values.keySet().stream().noneMatch(k -> line.matches(k + "\\s*=.*"))) {
                    lines.add(line);
                }
            }
        }
        values.forEach((k, v) -> lines.add(k + " = " + v));
        Files.write(file, lines, StandardCharsets.UTF_8);
    }

    /** Adds a feature to those that it starts with. */
    void addFeature(String name) throws IOException {
        Path settings = home.resolve("conf/nbd-runner.properties");
        String text = Files.readString(settings, StandardCharsets.UTF_8);
        Files.writeString(settings, text.replaceAll("(?m)^nbd.features = .*$", "$0, " + name), StandardCharsets.UTF_8);
    }

    /**
     * Lets it start where something is not to be seen; other processes see it.
     *
     * @param mounts shell commands that mount something over it
     */
    void hide(String mounts) throws IOException {
        Path start = home.resolve("bin/nbd-runner");
        Path real = home.resolve("bin/nbd-runner.real");
        Files.copy(start, real, StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(
                start,
                "#!/bin/sh\nexec unshare -m sh -euc '" + mounts + "; exec \"$0\"' \"$0.real\"\n",
                StandardCharsets.UTF_8);
    }

    Runner start() throws IOException {
        Files.deleteIfExists(log);
        process = new ProcessBuilder(home.resolve("bin/nbd-runner").toString())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(log.toFile())
                .redirectErrorStream(true)
                .start();
        await("nbd-runner to serve", START_S, () -> {
            if (!process.isAlive()) {
                throw new AssertionError("nbd-runner ended at once:\n" + log());
            }
            return log().contains(UP);
        });
        return this;
    }

    String log() {
        try {
            return Files.exists(log) ? Files.readString(log, StandardCharsets.UTF_8) : "";
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    Path logFile() {
        return log;
    }

    long pid() {
        return process.pid();
    }

    String uri(String export) {
        return "nbd://127.0.0.1:" + port + "/" + export;
    }

    /** Runs nbd-cli against this runner. */
    Tool.Result cli(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin/nbd-cli").toString());
        command.addAll(List.of(words));
        command.add("host");
        command.add("127.0.0.1:" + controlPort);
        return Tool.run(Map.of(), command);
    }

    /** Ends it as an administrator would, and insists that it ends well. */
    void stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(START_S, TimeUnit.SECONDS)) {
            throw new AssertionError("nbd-runner does not end on SIGTERM:\n" + log());
        }
    }

    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Waits for a condition. */
    static void await(String what, long seconds, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited " + seconds + " s for " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    static List<Integer> freePorts(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        List<Integer> ports = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                sockets.add(s);
                ports.add(s.getLocalPort());
            }
        } finally {
            for (ServerSocket s : sockets) {
                s.close();
            }
        }
        return ports;
    }

    static void copy(Path from, Path to) throws IOException {
        if (!Files.isDirectory(from.resolve("system"))) {
            throw new AssertionError("there is no distribution at " + from + ": build it first");
        }
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : (Iterable<Path>) all::iterator) {
                Path target = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (process != null && process.isAlive()) {
            process.destroyForcibly();
            try {
                process.waitFor();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        delete(home);
    }

    /** Deletes a folder and all in it. */
    static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : (Iterable<Path>) all.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(p);
            }
        }
    }
}
