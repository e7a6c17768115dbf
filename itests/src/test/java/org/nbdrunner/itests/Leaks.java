package org.nbdrunner.itests;

import java.io.IOException;

/** What a runner keeps of clients that have gone. */
final class Leaks {
    static final int CYCLES = 200;

    private Leaks() {}

    /**
     * Insists that a disk which is opened, used and closed many times, by one client after the other, leaves nothing behind.
     *
     * @param runner serves it
     * @param export the disk, of 16 MiB or more
     */
    static void assertNone(Runner runner, String export) throws Exception {
        use(runner, export, CYCLES / 2);
        Footprint before = new Footprint(runner.pid());
        use(runner, export, CYCLES);
        before.assertNotGrown(CYCLES + " clients of " + export);
    }

    private static void use(Runner runner, String export, int times) throws IOException, InterruptedException {
        Tool.run("/usr/bin/python3", "-c", """
                        import nbd, sys
                        for i in range(int(sys.argv[2])):
                            h = nbd.NBD()
                            h.connect_uri(sys.argv[1])
                            h.pwrite(b'1' * 65536, 65536 * (i % 200))
                            h.flush()
                            h.pread(1 << 20, 0)
                            h.shutdown()
                        """, runner.uri(export), "" + times).ok();
    }
}
