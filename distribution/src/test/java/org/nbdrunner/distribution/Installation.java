package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/** A copy of the distribution that a test may change, on ports that are free. */
final class Installation implements AutoCloseable {
    static final Duration BOUND = Duration.ofSeconds(90);

    private static final String SERVING = " is serving: ";

    final Path home;
    final int port;
    final int legacyPort;
    final int controlPort;
    final Map<String, String> environment = new HashMap<>();
    private final List<Process> processes = new ArrayList<>();
    private int runs;

    /**
     * What a program said and how it ended.
     *
     * @param exit its exit code
     * @param out its standard output
     * @param err its standard error
     */
    record Result(int exit, String out, String err) {}

    /** A program that is running. */
    final class Run {
        final Process process;
        private final Path out;
        private final Path err;

        private Run(List<String> command) throws IOException {
            int run = runs++;
            out = home.resolveSibling("out" + run);
            err = home.resolveSibling("err" + run);
            ProcessBuilder builder = new ProcessBuilder(command)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().remove("NBD_RUNNER_DATA");
            builder.environment().putAll(environment);
            process = builder.start();
            processes.add(process);
        }

        String out() {
            return read(out);
        }

        /** Waits for it to serve. */
        Run awaitServing() {
            Installation.await("nbd-runner to serve", () -> {
                if (!process.isAlive()) {
                    throw new AssertionError("nbd-runner ended: " + read(out) + read(err));
                }
                return out().contains(SERVING);
            });
            return this;
        }

        /** The line that tells what is served. */
        String servingLine() {
            return out().lines()
                    .filter(line -> line.contains(SERVING))
                    .findFirst()
                    .orElseThrow();
        }

        /** Asks it to end, as systemd does. */
        Result terminate() throws InterruptedException {
            process.destroy();
            return await();
        }

        /** Waits for its end. */
        Result await() throws InterruptedException {
            if (!process.waitFor(BOUND.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("does not end: " + read(out) + read(err));
            }
            return new Result(process.exitValue(), read(out), read(err));
        }
    }

    Installation(Path home) throws IOException {
        this.home = home;
        Distribution.copy(Distribution.HOME, home);
        List<Integer> ports = freePorts(4);
        port = ports.get(0);
        legacyPort = ports.get(1);
        controlPort = ports.get(2);
        configure("org.nbdrunner.engine", "port", port);
        configure("org.nbdrunner.engine", "legacyPort", legacyPort);
        configure("org.nbdrunner.rpc", "port", controlPort);
        configure("org.nbdrunner.rpc", "livenessPort", ports.get(3));
        configure("org.nbdrunner.rpc", "rpcbind", false);
    }

    /** Sets a key of a configuration file. */
    void configure(String pid, String key, Object value) throws IOException {
        edit("conf/" + pid + ".cfg", key, value);
    }

    /** Sets a key of the runner's own settings. */
    void set(String key, Object value) throws IOException {
        edit("conf/nbd-runner.properties", key, value);
    }

    private void edit(String file, String key, Object value) throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(home.resolve(file)));
        lines.removeIf(line -> line.matches(Pattern.quote(key) + " *=.*"));
        lines.add(key + " = " + value);
        Files.write(home.resolve(file), lines);
    }

    /** Starts a program of the distribution. */
    Run run(String program, String... args) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin").resolve(program).toString());
        command.addAll(List.of(args));
        return new Run(command);
    }

    /** Starts any program. */
    Run runOther(String... command) throws IOException {
        return new Run(List.of(command));
    }

    /** Runs nbd-cli against this runner. */
    Result cli(String... words) throws IOException, InterruptedException {
        List<String> args = new ArrayList<>(List.of(words));
        args.addAll(List.of("host", "127.0.0.1:" + controlPort));
        return run("nbd-cli", args.toArray(String[]::new)).await();
    }

    /** What nbd-cli says, which must be done. */
    String done(String... words) throws IOException, InterruptedException {
        Result result = cli(words);
        assertEquals(0, result.exit(), result::toString);
        return result.out();
    }

    /** Why nbd-cli does not do what it must refuse. */
    String refused(String... words) throws IOException, InterruptedException {
        Result result = cli(words);
        assertEquals(1, result.exit(), result::toString);
        return result.err();
    }

    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + BOUND.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited " + BOUND.toSeconds() + " s for " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    /** What the runner has logged, with all its starts. */
    String log() {
        return read(home.resolve("data/log/nbd-runner.log"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Integer> freePorts(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        List<Integer> ports = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                sockets.add(socket);
                ports.add(socket.getLocalPort());
            }
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
            }
        }
        return ports;
    }

    @Override
    public void close() {
        processes.forEach(process -> process.destroyForcibly().onExit().join());
    }
}
