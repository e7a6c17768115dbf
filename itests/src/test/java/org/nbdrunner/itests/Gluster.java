package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A real GlusterFS on this machine. It runs from its first use until the tests end. */
public final class Gluster {
    /** Has one brick. */
    public static final String PLAIN = "plain";

    /** Keeps three copies. */
    static final String REPLICA = "replica";

    private static Path directory;

    private Gluster() {}

    /**
     * Starts it with a volume, unless that runs already.
     *
     * @param volume one of those above
     * @throws Exception if it cannot be had
     */
    public static synchronized void start(String volume) throws Exception {
        if (directory == null) {
            directory = Files.createTempDirectory("gluster-it");
            Runtime.getRuntime().addShutdownHook(new Thread(Gluster::stop));
        }
        run(volume, "up");
    }

    /** Commands of services/gluster.sh. */
    static String run(String volume, String command, String... more) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(
                List.of(Runner.ITESTS.resolve("services/gluster.sh").toString(), command, directory.toString()));
        words.addAll(List.of(more));
        String bricks = volume.equals(REPLICA) ? "3" : "1";
        return Tool.run(Map.of("GLUSTER_VOL", volume, "GLUSTER_BRICKS", bricks), words)
                .ok()
                .out();
    }

    /** Where a brick keeps its files. */
    static Path brick(String volume, int number) {
        return directory.resolve("bricks/" + volume + "-" + number);
    }

    private static void stop() {
        try {
            run(PLAIN, "wipe");
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
