package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;

/** Files on a real Gluster volume. */
public class GlusterIT {
    private static final String BUNDLE = "org.nbdrunner.handler.gluster";
    private static final String FEATURE = "handler-gluster";
    private static final String MISSING_LIBRARY =
            "for f in /usr/lib/*/libgfapi.so.0; do mount --bind /dev/null $f; done";
    private static final String MISSING_TRANSLATORS =
            "for d in /usr/lib/*/glusterfs/*/xlator; do mount -t tmpfs none $d; done";
    private static final int MIB = 1 << 20;
    private static final int UPGRADES = 3;
    private static final int SECONDS = 30;

    private static Runner runner;

    @BeforeClass
    public static void start() throws Exception {
        Gluster.start(Gluster.PLAIN);
        runner = new Runner();
        runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
        runner.addFeature(FEATURE);
        runner.start();
    }

    @AfterClass
    public static void stop() throws Exception {
        runner.stop();
        runner.close();
    }

    private static void refused(Tool.Result result, String words) {
        assertTrue(result.toString(), result.exit() != 0 && result.err().contains(words));
    }

    private static Path stored(String path) {
        return Gluster.brick(Gluster.PLAIN, 1).resolve(path);
    }

    private static byte[] stored(String path, long offset, int length) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(stored(path).toFile(), "r")) {
            byte[] data = new byte[length];
            file.seek(offset);
            file.readFully(data);
            return data;
        }
    }

    /** Runs Python with libnbd; {@code uri} is an export's. */
    private static Tool.Result python(String uri, String... lines) throws IOException, InterruptedException {
        return Tool.run(
                "/usr/bin/python3", "-c", "import nbd, sys\nuri = sys.argv[1]\n" + String.join("\n", lines), uri);
    }

    @Test
    public void fromCreateToDelete() throws Exception {
        runner.cli("gluster", "create", "plain/some/disk", "size", "64M").ok();
        refused(runner.cli("gluster", "create", "plain/some/disk", "size", "1M"), "already exists");
        Tool.run(
                        "qemu-io",
                        "-f",
                        "raw",
                        "-c",
                        "write -P 7 1M 64k",
                        "-c",
                        "flush",
                        "-c",
                        "write -P 9 -f 2M 64k",
                        "-c",
                        "write -z -u 1M 4k",
                        "-c",
                        "read -P 0 1M 4k",
                        "-c",
                        "read -P 7 1028k 60k",
                        runner.uri("gluster/plain/some/disk"))
                .ok();
        byte[] sevens = new byte[60 << 10];
        Arrays.fill(sevens, (byte) 7);
        assertTrue(Arrays.equals(sevens, stored("some/disk", MIB + 4096, sevens.length)));
        runner.cli("gluster", "delete", "plain/some/disk").ok();
        assertFalse(Files.exists(stored("some/disk")));
    }

    @Test
    public void spaceIsReservedOrRefused() throws Exception {
        runner.cli("gluster", "create", "plain/reserved", "prealloc", "size", "96M")
                .ok();
        assertTrue(
                Tool.run("stat", "-c", "%b", stored("reserved").toString()).ok().out(),
                Long.parseLong(Tool.run("stat", "-c", "%b", stored("reserved").toString())
                                        .ok()
                                        .out()
                                        .strip())
                                * 512
                        >= 96L * MIB);
        refused(runner.cli("gluster", "create", "plain/much", "prealloc", "size", "900T"), "are free");
        refused(runner.cli("gluster", "create", "plain/much", "size", "900T"), "all of volume plain");
        assertFalse(Files.exists(stored("much")));
    }

    @Test
    public void whatIsMissingIsNamed() throws Exception {
        refused(runner.cli("gluster", "create", "nothing/disk", "size", "1M"), "there is no Gluster volume nothing");
        refused(runner.cli("gluster", "create", "plain@127.0.0.2/disk", "size", "1M"), "no Gluster server answers");
        refused(runner.cli("gluster", "map", "plain/nothing"), "there is no file nothing");
        // The first server does not answer, the second one does.
        runner.cli("gluster", "create", "plain@127.0.0.2,127.0.0.1/failover", "size", "1M")
                .ok();
        assertTrue(Files.exists(stored("failover")));
    }

    @Test
    public void aFullVolumeFailsFlushesUntilThereIsRoom() throws Exception {
        runner.cli("gluster", "create", "plain/full", "size", "64M").ok();
        Gluster.run(Gluster.PLAIN, "cli", "volume", "set", Gluster.PLAIN, "storage.reserve", "95");
        String uri = runner.uri("gluster/plain/full");
        AtomicInteger written = new AtomicInteger(); // MiB; brick and volume take a moment to know that they are full
        try {
            Runner.await("the volume to be full", 60, () -> full(uri, written.incrementAndGet()));
        } finally {
            Gluster.run(Gluster.PLAIN, "cli", "volume", "reset", Gluster.PLAIN, "storage.reserve");
        }
        Runner.await("room", 60, () -> !full(uri, written.get()));
        byte[] fives = new byte[MIB];
        Arrays.fill(fives, (byte) 5);
        assertTrue(Arrays.equals(fives, stored("full", (long) written.get() * MIB, MIB)));
    }

    private static boolean full(String uri, int mib) {
        try {
            Tool.Result r = python(
                    uri,
                    "h = nbd.NBD()",
                    "h.connect_uri(uri)",
                    "try:",
                    "    h.pwrite(b'\\5' * (1 << 20), " + mib + " << 20)",
                    "    h.flush()",
                    "except nbd.Error as e:",
                    "    print(e.errno)");
            assertTrue(r.ok().toString(), List.of("", "ENOSPC\n").contains(r.out()));
            return !r.out().isEmpty();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    public void mappingManyTimesLeavesNothingBehind() throws Exception {
        runner.cli("gluster", "create", "plain/often", "size", "16M").ok();
        Leaks.assertNone(runner, "gluster/plain/often");
    }

    @Test
    public void upgradesUnderLoad() throws Exception {
        runner.cli("gluster", "create", "plain/load", "size", "64M").ok();
        Path jar = runner.home.resolve("newer.jar");
        try (Fio fio = new Fio(runner.uri("gluster/plain/load"), SECONDS)) {
            for (int i = 2; i < UPGRADES + 2; i++) {
                String version = i + ".0.0";
                Versions.make(Versions.shipped(BUNDLE), version, jar);
                assertEquals(
                        "gluster " + version + "\n",
                        runner.cli("handler", "upgrade", jar.toString()).ok().out());
            }
            fio.assertRunning();
            System.out.println(UPGRADES + " upgrades of gluster under load: " + fio.end());
        }
    }

    @Test
    public void theOthersRunWithoutTheLibrary() throws Exception {
        try (Runner without = new Runner()) {
            without.hide(MISSING_LIBRARY);
            without.addFeature(FEATURE);
            without.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            without.start();
            Runner.await("the reason in the log", 60, () -> without.log().contains("install libgfapi0"));
            without.cli("dummy", "create", "disk", "size", "1M").ok();
            refused(without.cli("gluster", "create", "plain/disk", "size", "1M"), "there is no handler \"gluster\"");
            without.stop();
        }
    }

    @Test
    public void missingTranslatorsAreNotAMissingVolume() throws Exception {
        try (Runner without = new Runner()) {
            without.hide(MISSING_TRANSLATORS);
            without.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            without.start();
            without.cli("handler", "install", FEATURE).ok();
            refused(without.cli("gluster", "create", "plain/disk", "size", "1M"), "translators are missing");
            without.stop();
        }
    }

    @Test
    public void aFileSystemOnAnotherMachine() throws Exception {
        Guest.uses(runner, "gluster", Gluster.PLAIN + "/guest.img");
    }

    @Test
    public void disksAreResized() throws Exception {
        ResizeIT.grows(runner, "gluster", "plain/resized", runner.uri("gluster/plain/resized"));
        assertEquals(96L * MIB, Files.size(stored("resized")));
        refused(runner.cli("gluster", "resize", "plain/resized", "size", "900T"), "No space left");
        runner.cli("gluster", "delete", "plain/resized").ok();
    }
}
