package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** Backstores get another size, by command and behind the runner's back, while clients are connected. */
public class ResizeIT {
    private static final long MIB = 1 << 20;
    private static final int LONGEST_S = 120;
    private static final int ROUNDS = 5;

    private static final String CLIENTS = """
            import nbd, os, sys
            uri, path = sys.argv[1:]
            def connect():
                h = nbd.NBD()
                h.set_strict_mode(0)
                h.connect_uri(uri)
                return h
            def attempt(what, *args):
                try:
                    what(*args)
                    print('done')
                except nbd.Error as e:
                    print(e.errno)
            old = connect()
            old.pwrite(b'7' * 4096, 0)
            os.truncate(path, 2 << 30)
            larger = connect()
            print(old.get_size(), larger.get_size())
            attempt(old.pread, 4096, 1 << 30)
            attempt(larger.pwrite, b'8' * 4096, 1 << 30)
            os.truncate(path, 1 << 20)
            print(connect().get_size())
            attempt(old.pread, 4096, 32 << 20)
            attempt(old.pwrite, b'9' * 4096, 32 << 20)
            attempt(old.flush)
            print(old.pread(4096, 0) == b'7' * 4096, os.path.getsize(path))
            """;

    private Runner runner;

    @Before
    public void start() throws IOException {
        runner = new Runner().start();
    }

    @After
    public void stop() throws Exception {
        runner.stop();
        runner.close();
    }

    static void assertSize(long bytes, String uri) throws IOException, InterruptedException {
        assertEquals(bytes + "\n", Tool.run("nbdinfo", "--size", uri).ok().out());
    }

    /** Runs commands of qemu-io, of which none may fail. */
    static void io(String uri, String... commands) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.addAll(List.of("-c", command));
        }
        words.add(uri);
        Tool.Result r = Tool.run(Map.of(), words).ok();
        assertTrue(r.toString(), !(r.out() + r.err()).contains("failed"));
    }

    private void refused(int exit, String reason, String... words) throws IOException, InterruptedException {
        Tool.Result r = runner.cli(words);
        assertEquals(r.toString(), exit, r.exit());
        assertTrue(r.toString(), r.err().contains(reason));
    }

    /** Grows a backstore of 64 MiB, and what is made of it is all there. */
    static void grows(Runner runner, String handler, String cfg, String uri) throws IOException, InterruptedException {
        runner.cli(handler, "create", cfg, "size", "64M").ok();
        assertSize(64 * MIB, uri);
        io(uri, "write -P 7 63M 1M", "flush");
        runner.cli(handler, "resize", cfg, "size", "96M").ok();
        assertSize(96 * MIB, uri);
        io(uri, "read -P 7 63M 1M", "read -P 0 64M 32M", "write -P 9 95M 1M", "flush", "read -P 9 95M 1M");
        Tool.Result smaller = runner.cli(handler, "resize", cfg, "size", "32M");
        assertTrue(smaller.toString(), smaller.exit() == 1 && smaller.err().contains("use force"));
        assertSize(96 * MIB, uri);
        runner.cli(handler, "resize", cfg, "size", "32M", "force").ok();
        assertSize(32 * MIB, uri);
        runner.cli(handler, "resize", cfg, "size", "96M").ok();
        io(uri, "read -P 0 0 96M");
    }

    @Test
    public void byCommand() throws Exception {
        for (String handler : List.of("dummy", "file")) {
            grows(runner, handler, "disk-of-" + handler, runner.uri(handler + "/disk-of-" + handler));
            String key = "disk-of-" + handler;
            refused(2, "size 0 is empty", handler, "resize", key, "size", "0");
            refused(2, "no multiple of 512", handler, "resize", key, "size", "1000");
            refused(1, "there is no backstore nothing", handler, "resize", "nothing", "size", "1M");
        }
        runner.stop();
        runner.start();
        assertTrue(runner.cli("file", "info", "disk-of-file").ok().out().contains("size: " + 96 * MIB));
        assertSize(96 * MIB, runner.uri("file/disk-of-file"));
    }

    @Test
    public void behindTheRunnersBack() throws Exception {
        runner.cli("file", "create", "disk", "size", "64M").ok();
        Path file = runner.home.resolve("data/files/disk");
        Tool.Result said = Tool.run("/usr/bin/python3", "-c", CLIENTS, runner.uri("file/disk"), file.toString())
                .ok();
        assertEquals(
                List.of("67108864 2147483648", "EINVAL", "done", "1048576", "EIO", "EIO", "done", "True 1048576"),
                said.out().lines().toList());
        assertTrue(runner.cli("file", "info", "disk").ok().out().contains("size: 1048576"));
    }

    /**
     * Waits until one writes to a disk that was empty.
     *
     * <p>That one has connected is not enough: fio asks for the size first, leaves, and connects anew.
     */
    private static void awaitWrites(String uri) {
        Runner.await("writes to " + uri, 60, () -> {
            try {
                return Tool.run("nbdinfo", "--map", "--totals", uri).ok().out().contains("data");
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }

    @Test
    public void clientsThatAreConnectedMeetNoError() throws Exception {
        for (String handler : List.of("dummy", "file")) {
            runner.cli(handler, "create", "used-" + handler, "size", "64M").ok();
            String uri = runner.uri(handler + "/used-" + handler);
            try (Fio fio = new Fio(uri, LONGEST_S)) {
                awaitWrites(uri);
                for (int i = 1; i <= ROUNDS; i++) {
                    refused(1, "is in use by a client", handler, "resize", "used-" + handler, "size", "32M");
                    runner.cli(handler, "resize", "used-" + handler, "size", (64 + i) + "M")
                            .ok();
                    assertSize((64 + i) * MIB, uri);
                    runner.cli(handler, "resize", "used-" + handler, "size", "64M", "force")
                            .ok();
                    assertSize(64 * MIB, uri);
                }
                fio.assertRunning();
                System.out.println(handler + ", " + ROUNDS + " times larger and smaller under load: " + fio.end());
            }
        }
    }
}
