package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** A client in Python that has connected, and goes on when it is told to. */
final class Client implements AutoCloseable {
    private final Process process;

    /**
     * Connects.
     *
     * @param uri the export
     * @param lines what it does then, in Python; {@code h} is the connection
     */
    Client(String uri, String... lines) throws IOException {
        String script = "import nbd, sys\nh = nbd.NBD()\nh.connect_uri(sys.argv[1])\n"
                + "print('connected', flush=True)\nsys.stdin.readline()\n" + String.join("\n", lines);
        process = new ProcessBuilder("/usr/bin/python3", "-c", script, uri)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertEquals("connected", says());
    }

    Client go() throws IOException {
        process.outputWriter().write("\n");
        process.outputWriter().flush();
        return this;
    }

    /** Whether it ends within so many seconds. */
    boolean endsIn(int seconds) throws InterruptedException {
        return process.waitFor(seconds, TimeUnit.SECONDS);
    }

    /** The next line that it prints; null if it has ended. */
    String says() throws IOException {
        return process.inputReader().readLine();
    }

    /** What it says in the end. */
    String end() throws IOException, InterruptedException {
        String said = says();
        assertEquals(0, process.waitFor());
        return said;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
