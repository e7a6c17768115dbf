package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.BeforeClass;
import org.junit.Test;

/** Images of a real cluster: one monitor and one OSD, which are killed and paused while fio writes and verifies. */
public class CephIT {
    private static final String HANDLER = "org.nbdrunner.handler.ceph";
    private static final int LONGEST_S = 120;
    private static final int MANY = 64;

    @BeforeClass
    public static void startCluster() throws Exception {
        Ceph.start();
    }

    private static Tool.Result rbd(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("rbd"));
        command.addAll(List.of(words));
        return Tool.run(Map.of("CEPH_CONF", Ceph.conf()), command);
    }

    private static Runner runner(String takeOver) throws IOException {
        return prepared(takeOver).start();
    }

    private static Runner prepared(String takeOver) throws IOException {
        Runner runner = withoutHandler(takeOver);
        runner.addFeature("handler-ceph");
        return runner;
    }

    private static Runner withoutHandler(String takeOver) throws IOException {
        Runner runner = new Runner();
        runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
        runner.configure(
                "org.nbdrunner.engine", Map.of("drainTimeout", "3")); // what a lost cluster keeps does not come
        runner.configure(HANDLER, Map.of("conf", Ceph.conf(), "takeOver", takeOver));
        return runner;
    }

    private static Tool.Result io(String uri, String... commands) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.add("-c");
            words.add(command);
        }
        words.add(uri);
        return Tool.run(Map.of(), words);
    }

    private static void assertReads(String uri, String... commands) throws IOException, InterruptedException {
        Tool.Result r = io(uri, commands).ok();
        assertFalse(r.toString(), r.out().contains("failed"));
    }

    @Test
    public void imagesOfOursAndOfOthers() throws Exception {
        try (Runner runner = withoutHandler("false").start()) {
            runner.cli("handler", "install", "handler-ceph").ok();
            runner.cli("ceph", "create", "rbd/ours;objsize=1M", "size", "64M").ok();
            String uri = runner.uri("ceph/rbd/ours");
            assertReads(uri, "write -P 7 1M 1M", "write -z 1088K 64K", "discard 8M 1M", "flush", "read -P 7 1M 64K");
            assertReads(uri, "read -P 7 1M 64K", "read -P 0 1088K 64K", "read -P 7 1152K 896K");
            assertTrue(rbd("info", "rbd/ours").ok().out().contains("order 20"));
            String map = Tool.run("nbdinfo", "--map", uri).ok().out();
            assertTrue(map, map.lines().count() >= 3 && map.contains("hole,zero"));

            rbd("snap", "create", "rbd/ours@then").ok();
            assertReads(uri, "write -P 9 1M 1M");
            assertReads(uri, "read -P 9 1M 1M");

            Tool.Result refused = runner.cli("ceph", "create", "rbd/ours", "size", "64M");
            assertNotEquals(refused.toString(), 0, refused.exit());
            runner.cli("ceph", "create", "rbd/theirs", "size", "32M").ok();
            rbd("rm", "rbd/theirs").ok();
            rbd("create", "rbd/theirs", "--size", "48M", "--image-feature", "exclusive-lock")
                    .ok();
            assertReads(runner.uri("ceph/rbd/theirs"), "write -P 3 47M 1M", "flush", "read -P 3 47M 1M");

            rbd("snap", "rm", "rbd/ours@then").ok();
            runner.cli("ceph", "delete", "rbd/ours").ok();
            assertNotEquals(0, rbd("info", "rbd/ours").exit());
            runner.cli("handler", "remove", "ceph", "force").ok(); // rbd/theirs is still a backstore
            Tool.Result gone = runner.cli("ceph", "create", "rbd/ours", "size", "64M");
            assertTrue(gone.toString(), gone.toString().contains("there is no handler \"ceph\""));
            runner.stop();
        }
    }

    @Test
    public void theOthersRunWithoutTheLibrary() throws Exception {
        try (Runner without = prepared("false")) {
            without.hide("for f in /usr/lib/*/librbd.so.1; do mount --bind /dev/null $f; done");
            without.start();
            Runner.await("the reason in the log", 60, () -> without.log().contains("install the packages librados2"));
            without.cli("dummy", "create", "disk", "size", "1M").ok();
            Tool.Result refused = without.cli("ceph", "create", "rbd/disk", "size", "1M");
            assertTrue(refused.toString(), refused.toString().contains("there is no handler \"ceph\""));
            without.stop();
        }
    }

    @Test
    public void faultsAndUpgradesUnderLoad() throws Exception {
        try (Runner runner = runner("false")) {
            runner.cli("ceph", "create", "rbd/disk", "size", "64M").ok();
            Path jar = runner.home.resolve("newer.jar");
            try (Fio fio = new Fio(runner.uri("ceph/rbd/disk"), LONGEST_S)) {
                awaitInFlight(runner);
                Ceph.run("kill-osd");
                awaitInFlight(runner);
                Ceph.run("start-osd");
                Versions.make(Versions.shipped(HANDLER), "2.0.0", jar);
                assertEquals(
                        "ceph 2.0.0\n",
                        runner.cli("handler", "upgrade", jar.toString()).ok().out());
                Ceph.run("pause-osd");
                awaitInFlight(runner);
                Ceph.run("resume-osd");
                Versions.make(Versions.shipped(HANDLER), "3.0.0", jar);
                assertEquals(
                        "ceph 3.0.0\n",
                        runner.cli("handler", "upgrade", jar.toString()).ok().out());
                fio.assertRunning();
                System.out.println("an OSD killed and paused, and two upgrades: " + fio.end());
            }
            runner.stop();
        }
    }

    /** Waits until requests of a good part of fio's depth are in flight: with an OSD that does not answer, those that stay there. */
    private static void awaitInFlight(Runner runner) {
        Runner.await("requests in flight", 60, () -> {
            try {
                String list = runner.cli("handler", "list").ok().out();
                String[] row = list.substring(list.indexOf("\nceph") + 1).split("\\s+", -1);
                return Integer.parseInt(row[6]) >= MANY;
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }

    @Test
    public void oneWriterOnly() throws Exception {
        try (Runner first = runner("false");
                Runner second = runner("false");
                Runner third = runner("true")) {
            // Each is to know the image.
            first.cli("ceph", "create", "rbd/one", "size", "64M").ok();
            for (Runner other : List.of(second, third)) {
                rbd("rm", "rbd/one").ok();
                other.cli("ceph", "create", "rbd/one", "size", "64M").ok();
            }
            first.cli("ceph", "create", "rbd/two", "size", "64M").ok();
            first.cli("ceph", "create", "rbd/three", "size", "64M").ok();
            // With the idle one an image that uses the connection stays open all the time.
            try (Client idle = new Client(first.uri("ceph/rbd/three"));
                    Fio fio = new Fio(first.uri("ceph/rbd/one"), LONGEST_S);
                    Fio other = new Fio(first.uri("ceph/rbd/two"), LONGEST_S)) {
                awaitInFlight(first);
                other.assertRunning();
                Tool.Result refused = io(second.uri("ceph/rbd/one"), "write 0 4K");
                assertTrue(
                        refused.toString(), refused.exit() != 0 && refused.err().contains("is locked by"));
                fio.assertRunning();
                assertReads(third.uri("ceph/rbd/one"), "write -P 5 0 64M", "flush", "read -P 5 0 64M");
                Runner.await("the first one's loss", 60, () -> first.log().contains("rbd/one is lost"));
                // Of another image it lost what was open, for its connection was shut out; it has a new one.
                Runner.await("the end of fio's use of the other image", 60, () -> !other.isRunning());
                assertReads(first.uri("ceph/rbd/two"), "write -P 6 0 1M", "flush", "read -P 6 0 1M");
                assertFalse("the idle client has left", idle.endsIn(0));
            }
            assertReads(third.uri("ceph/rbd/one"), "read -P 5 0 64M");
        }
    }

    @Test
    public void stopsThoughTheClusterIsGone() throws Exception {
        stopsWith("kill-osd", "start-osd");
    }

    @Test
    public void stopsThoughTheClusterHangs() throws Exception {
        stopsWith("pause-osd", "resume-osd");
    }

    private static void stopsWith(String fault, String end) throws Exception {
        try (Runner runner = runner("false")) {
            String image = "rbd/" + fault;
            runner.cli("ceph", "create", image, "size", "64M").ok();
            try (Fio fio = new Fio(runner.uri("ceph/" + image), LONGEST_S)) {
                awaitInFlight(runner);
                fio.assertRunning();
                Ceph.run(fault);
                runner.stop();
            }
        } finally {
            Ceph.run(end);
        }
    }

    @Test
    public void aMonitorIsNeededToConnectAlone() throws Exception {
        try (Runner runner = prepared("false")) {
            runner.configure(HANDLER, Map.of("timeout", "5"));
            runner.start();
            Ceph.run("kill-mon");
            try {
                Tool.Result refused = runner.cli("ceph", "create", "rbd/monitor", "size", "65M");
                assertTrue(
                        refused.toString(), refused.exit() != 0 && refused.err().contains("answer"));
                runner.cli("dummy", "create", "disk", "size", "1M").ok();
            } finally {
                Ceph.run("start-mon");
            }
            runner.cli("ceph", "create", "rbd/monitor", "size", "65M").ok();
            String uri = runner.uri("ceph/rbd/monitor");
            try (Fio fio = new Fio(uri, LONGEST_S)) {
                awaitInFlight(runner);
                Ceph.run("kill-mon");
                try {
                    assertReads(uri, "write -P 4 64M 1M", "flush", "read -P 4 64M 1M");
                    fio.assertRunning();
                } finally {
                    Ceph.run("start-mon");
                }
                fio.end();
            }
            runner.stop();
        }
    }

    @Test
    public void aFullClusterCostsAPauseUntilThereIsRoom() throws Exception {
        try (Runner runner = runner("false")) {
            runner.cli("ceph", "create", "rbd/full", "size", "64M").ok();
            try (Fio fio = new Fio(runner.uri("ceph/rbd/full"), LONGEST_S)) {
                awaitInFlight(runner);
                Ceph.run("shrink-osd");
                try {
                    awaitInFlight(runner);
                } finally {
                    Ceph.run("grow-osd");
                }
                fio.assertRunning();
                fio.end();
            }
            runner.stop();
        }
    }

    @Test
    public void anImageThatShrinksOrVanishesFailsItsClients() throws Exception {
        try (Runner runner = runner("false")) {
            runner.cli("ceph", "create", "rbd/less", "size", "64M").ok();
            String script = """
                    import nbd, subprocess, sys, time
                    h = nbd.NBD()
                    h.connect_uri(sys.argv[1])
                    h.pwrite(b'1' * 4096, 0)
                    def run(*words):
                        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    def fails(request):
                        try:
                            request()
                        except nbd.Error as e:
                            print(e)
                            return True
                    def wait(what, condition):
                        end = time.monotonic() + 60
                        while not condition():
                            if time.monotonic() > end:
                                sys.exit('waited 60 s for ' + what)
                    run('rbd', 'resize', 'rbd/less', '--size', '32M', '--allow-shrink')
                    wait('a write to fail', lambda: fails(lambda: h.pwrite(b'2' * 4096, 48 << 20)))
                    assert h.pread(4096, 0) == b'1' * 4096
                    run('rados', '-p', 'rbd', 'rm', sys.argv[2])
                    wait('a read to fail', lambda: fails(lambda: h.pread(4096, 0)))
                    wait('the loss to be logged', lambda: 'rbd/less is lost' in open(sys.argv[3]).read())
                    """;
            String info = rbd("info", "rbd/less").ok().out();
            String header = info.replaceAll("(?s).*block_name_prefix: rbd_data\\.(\\w+).*", "rbd_header.$1");
            Tool.run(
                            Map.of("CEPH_CONF", Ceph.conf()),
                            List.of(
                                    "/usr/bin/python3",
                                    "-c",
                                    script,
                                    runner.uri("ceph/rbd/less"),
                                    header,
                                    runner.logFile().toString()))
                    .ok();
            runner.stop();
        }
    }

    @Test
    public void openingManyTimesLeavesNothingBehind() throws Exception {
        try (Runner runner = runner("false")) {
            runner.cli("ceph", "create", "rbd/often", "size", "16M").ok();
            Leaks.assertNone(runner, "ceph/rbd/often");
            runner.stop();
        }
    }

    @Test
    public void aFileSystemOnAnotherMachine() throws Exception {
        try (Runner runner = runner("false")) {
            Guest.uses(runner, "ceph", "rbd/guest");
            runner.stop();
        }
    }

    @Test
    public void imagesAreResized() throws Exception {
        try (Runner runner = runner("false")) {
            ResizeIT.grows(runner, "ceph", "rbd/resized", runner.uri("ceph/rbd/resized"));
            assertTrue(rbd("info", "rbd/resized").ok().out().contains("size 96 MiB"));
            runner.cli("ceph", "delete", "rbd/resized").ok();
            runner.stop();
        }
    }
}
