package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs programs that are not ours, and ours, and tells what they said. */
final class Tool {
    private static final long LIMIT_S = 300;

    private Tool() {}

    /**
     * What a program did.
     *
     * @param command what was run
     * @param exit its exit status
     * @param out its standard output
     * @param err its standard error
     */
    record Result(List<String> command, int exit, String out, String err) {
        /** Insists on exit status 0. */
        Result ok() {
            if (exit != 0) {
                throw new AssertionError(this);
            }
            return this;
        }

        @Override
        public String toString() {
            return String.join(" ", command) + "\nexit " + exit + "\n--- out\n" + out + "\n--- err\n" + err;
        }
    }

    static Result run(String... command) throws IOException, InterruptedException {
        return run(Map.of(), List.of(command));
    }

    static Result run(Map<String, String> environment, List<String> command) throws IOException, InterruptedException {
        return run(Path.of("."), environment, command);
    }

    static Result run(Path directory, Map<String, String> environment, List<String> command)
            throws IOException, InterruptedException {
        Path out = Files.createTempFile("tool", ".out");
        Path err = Files.createTempFile("tool", ".err");
        try {
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            if (!process.waitFor(LIMIT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError("over " + LIMIT_S + " s: " + new Result(command, -1, read(out), read(err)));
            }
            return new Result(command, process.exitValue(), read(out), read(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    private static String read(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8);
    }
}
