package org.nbdrunner.distribution;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client (libnbd's, in Debian's Python, whichever other one comes first on the path) that keeps its connection and reads when it is told to. */
final class Watcher implements AutoCloseable {
    private static final String READ = """
            import nbd, sys
            h = nbd.NBD()
            h.connect_uri(sys.argv[1])
            for line in sys.stdin:
                try:
                    print(h.pread(512, 0)[0], flush=True)
                except nbd.Error as e:
                    print(e, flush=True)
            """;

    private final Process process;
    private final Writer to;
    private final BufferedReader from;

    Watcher(String uri, Path directory) throws IOException {
        process = new ProcessBuilder("/usr/bin/python3", "-c", READ, uri)
                .redirectError(directory.resolve("watcher-err").toFile())
                .start();
        to = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
        from = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** The first byte of the disk, or what went wrong. */
    String read() throws IOException {
        ask();
        return answer();
    }

    /** Begins to read. */
    void ask() throws IOException {
        to.write("read\n");
        to.flush();
    }

    /** What came of it. */
    String answer() throws IOException {
        return from.readLine();
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        to.close();
        from.close();
    }
}
