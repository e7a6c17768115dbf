package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;

/** Page blobs on Azurite, with a proxy between that lets requests go wrong. */
public class AzblkFaultsIT {
    private static final int LARGEST_BODY = 4 << 20;
    private static final int OFTEN = 25;
    private static final int SECONDS = 120;
    private static final long END_S = 120;

    private static Azurite azurite;
    private static FaultProxy proxy;
    private static Runner runner;

    @BeforeClass
    public static void start() throws Exception {
        azurite = new Azurite(Map.of("AZURITE_MEMORY", "1"));
        proxy = new FaultProxy(azurite);
        runner = new Runner();
        runner.configure("org.nbdrunner.registry", Map.of("timeout", "120"));
        runner.start();
    }

    @AfterClass
    public static void stop() throws Exception {
        runner.stop();
        runner.close();
        proxy.close();
        azurite.close();
    }

    /**
     * Writes the same blocks over and over, every time all of them, and reads them back, until it is told to end. A block that the reader has
     * not come to yet is written once more while it reads.
     */
    private static final class Writer implements AutoCloseable {
        private static final String SCRIPT = """
                import nbd, select, struct, sys
                h = nbd.NBD()
                h.connect_uri(sys.argv[1])
                distance, blocks = int(sys.argv[2]), int(sys.argv[3])
                block, depth = 4096, 32

                def content(number):
                    return bytearray(struct.pack("<QQ", number, version[number]) * (block // 16))

                def each(begin):
                    failed = []
                    def ended(error):
                        if error.value:
                            failed.append(error.value)
                        return 1
                    for n in range(blocks):
                        while h.aio_in_flight() >= depth:
                            h.poll(-1)
                        begin(n, ended)
                    while h.aio_in_flight():
                        h.poll(-1)
                    if failed:
                        sys.exit(f"errors {failed} in turn {turn}")

                def write(number, ended):
                    version[number] = turn
                    h.aio_pwrite(nbd.Buffer.from_bytearray(content(number)), where(number), ended)

                def read(number, ended):
                    if number % 512 == 50:
                        version[number + 100] += 1 << 32
                        h.pwrite(content(number + 100), where(number + 100))
                    found[number] = nbd.Buffer(block)
                    h.aio_pread(found[number], where(number), ended)

                def where(number):
                    return distance * number * block

                turn, version, found, last = 0, {}, {}, False
                while not last:
                    last = bool(select.select([sys.stdin], [], [], 0)[0])
                    if not last:
                        turn += 1
                        each(write)
                    each(read)
                    wrong = [n for n in range(blocks) if found[n].to_bytearray() != content(n)]
                    if wrong:
                        sys.exit(f"other data than was written in turn {turn}: {wrong}")
                print(turn)
                """;

        private final Process process;

        /**
         * Begins.
         *
         * @param distance in blocks; from 2 on each is a call of its own
         */
        Writer(String uri, int distance, int blocks) throws IOException {
            process = new ProcessBuilder("/usr/bin/python3", "-c", SCRIPT, uri, "" + distance, "" + blocks)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        }

        boolean isAlive() {
            return process.isAlive();
        }

        /** Has it read all once more; tells how often it has written all. */
        int end() throws IOException, InterruptedException {
            process.outputWriter().close();
            assertTrue("the writer does not end", process.waitFor(END_S, TimeUnit.SECONDS));
            assertEquals("the writer's exit status", 0, process.exitValue());
            return Integer.parseInt(process.inputReader().readLine());
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    /** Has blocks written and read while things go wrong; tells how often all were. */
    private static int turnsWithFaults(FaultProxy between, String blob, int distance, int blocks) throws Exception {
        runner.cli("azblk", "create", between.cfg(blob), "size", "64M").ok();
        try (Writer writer = new Writer(runner.uri("azblk/" + between.key(blob)), distance, blocks)) {
            between.setFaults(20);
            Runner.await("every fault to be met often", END_S, () -> between.met() >= OFTEN || !writer.isAlive());
            between.setFaults(0);
            Runner.await("late requests to be done", END_S, () -> between.lateWaiting() == 0);
            int turns = writer.end();
            System.out.println("azblk, faults between it and the service: " + between + "; turns: " + turns);
            assertTrue("turns: " + turns, turns > 1);
            assertTrue("late writes were not refused", between.lateRefused.get() > 0);
            return turns;
        }
    }

    @Test
    public void whatWasAcknowledgedIsThereWhateverGoesWrong() throws Exception {
        turnsWithFaults(proxy, "faults", 2, 256);
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 5 0 16M", runner.uri("azblk/" + proxy.key("faults")))
                .ok();
        assertEquals(LARGEST_BODY, proxy.largest.get());
    }

    @Test
    public void whatIsMergedAndReadAheadIsWhatWasAcknowledgedWhateverGoesWrong() throws Exception {
        int blocks = 2048;
        try (FaultProxy between = new FaultProxy(azurite)) {
            int turns = turnsWithFaults(between, "stream", 1, blocks);
            assertTrue(between.written + " writes", between.written.get() < turns * blocks / 4);
            assertTrue(between.read + " reads", between.read.get() < turns * blocks / 4);
        }
    }

    @Test
    public void openingManyTimesLeavesNothingBehind() throws Exception {
        runner.cli("azblk", "create", proxy.cfg("often"), "size", "16M").ok();
        int opened = proxy.opened.get();
        Leaks.assertNone(runner, "azblk/" + proxy.key("often"));
        assertTrue("it was not opened each time", proxy.opened.get() - opened >= Leaks.CYCLES);
    }

    /** Takes something away from a client that writes, which is told at once, and of which the log says what it was. */
    private static void lost(String blob, String said, Loss loss) throws Exception {
        try (Fio fio = new Fio(runner.uri("azblk/" + proxy.key(blob)), SECONDS)) {
            int written = proxy.written.get();
            Runner.await("fio to write", 60, () -> proxy.written.get() > written);
            loss.happens();
            Runner.await("the log to say " + said, 60, () -> runner.log().contains(said));
            assertThrows(AssertionError.class, fio::end);
        }
    }

    /** Something that takes something away. */
    @FunctionalInterface
    private interface Loss {
        void happens() throws Exception;
    }

    @Test
    public void aLeaseIsStolenUnderLoad() throws Exception {
        String lease = ";lease=" + UUID.randomUUID();
        runner.cli("azblk", "create", proxy.cfg("stolen") + lease, "size", "64M")
                .ok();
        lost("stolen", "stolen: its lease is lost", () -> azurite.steal("stolen"));
    }

    @Test
    public void aBlobIsDeletedUnderLoad() throws Exception {
        runner.cli("azblk", "create", proxy.cfg("deleted"), "size", "64M").ok();
        lost("deleted", "deleted: there is no such blob", () -> azurite.delete("deleted"));
    }
}
