package org.nbdrunner.itests;

import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a process holds: threads, descriptors, and memory. */
final class Footprint {
    private static final int FEW = 4;
    private static final long KIB = 48 << 10;

    private final long pid;
    private final long threads;
    private final long descriptors;
    private final long memory;

    /** That of now. */
    Footprint(long pid) throws IOException {
        this.pid = pid;
        threads = count("task");
        descriptors = count("fd");
        memory = resident();
    }

    /** Insists that there is hardly more of anything, once what is to end has ended. */
    void assertNotGrown(String after) throws IOException {
        Runner.await("threads to end", 60, () -> count("task") <= threads + FEW);
        Runner.await("files to be closed", 60, () -> count("fd") <= descriptors + FEW);
        long grown = resident() - memory;
        assertTrue(after + " took " + grown + " KiB", grown < KIB);
    }

    private long count(String what) {
        try (Stream<Path> entries = Files.list(Path.of("/proc/" + pid + "/" + what))) {
            return entries.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** KiB. */
    private long resident() throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status"), StandardCharsets.UTF_8).stream()
                .filter(l -> l.startsWith("VmRSS:"))
                .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElseThrow();
    }
}
