package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A real cluster on this machine: one monitor and one OSD. It runs from its first use until the tests end. */
public final class Ceph {
    private static Path directory;
    private static String port;

    private Ceph() {}

    /**
     * Starts it, unless it runs already.
     *
     * @throws Exception if it cannot be had
     */
    public static synchronized void start() throws Exception {
        if (directory == null) {
            directory = Files.createTempDirectory("ceph-it");
            port = "" + Runner.freePorts(1).get(0);
            Runtime.getRuntime().addShutdownHook(new Thread(Ceph::stop));
        }
        run("up");
    }

    /** Commands of services/ceph.sh. */
    static void run(String command) throws IOException, InterruptedException {
        Tool.run(
                        Map.of("CEPH_PORT", port),
                        List.of(Runner.ITESTS.resolve("services/ceph.sh").toString(), command, directory.toString()))
                .ok();
    }

    /**
     * Its configuration.
     *
     * @return a path
     */
    public static String conf() {
        return directory.resolve("ceph.conf").toString();
    }

    private static void stop() {
        try {
            run("wipe");
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
