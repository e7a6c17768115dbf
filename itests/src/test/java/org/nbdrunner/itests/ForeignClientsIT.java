package org.nbdrunner.itests;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;

/** The engine against programs of others, once for each handler of the distribution. */
@RunWith(Parameterized.class)
public class ForeignClientsIT {
    private static final int MIB = 1 << 20;

    /** For each handler. */
    private static final int LONG_S = 75;

    private static Runner runner;
    private static Path work;

    private final String handler;

    public ForeignClientsIT(String handler) {
        this.handler = handler;
    }

    @Parameterized.Parameters(name = "{0}")
    public static List<String> handlers() {
        return List.of("dummy", "file");
    }

    @BeforeClass
    public static void start() throws Exception {
        runner = new Runner().start();
        work = Files.createTempDirectory("clients");
    }

    @AfterClass
    public static void stop() throws Exception {
        runner.stop();
        runner.close();
        Runner.delete(work);
    }

    /** Makes a disk and gives its URI. Disks have names of their own: a key is unique across handlers. */
    private String disk(String name, String size) throws Exception {
        String key = handler + "-" + name;
        runner.cli(handler, "create", key, "size", size).ok();
        return runner.uri(handler + "/" + key);
    }

    private static Path random(String name, int size, long seed) throws IOException {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return Files.write(work.resolve(name), bytes);
    }

    @Test
    public void nbdinfoListsAndDescribes() throws Exception {
        String uri = disk("info", "64M");
        String list = Tool.run("nbdinfo", "--list", "nbd://127.0.0.1:" + runner.port)
                .ok()
                .out();
        assertTrue(list, list.contains("export=\"" + handler + "/" + handler + "-info\""));
        JsonObject info = JsonParser.parseString(
                        Tool.run("nbdinfo", "--json", uri).ok().out())
                .getAsJsonObject();
        JsonObject export = info.getAsJsonArray("exports").get(0).getAsJsonObject();
        assertEquals(64L * MIB, export.get("export-size").getAsLong());
        for (String can : List.of("can_flush", "can_fua", "can_trim", "can_zero", "can_multi_conn")) {
            assertTrue(can, export.get(can).getAsBoolean());
        }
        assertEquals(false, export.get("is_read_only").getAsBoolean());
        assertNotEquals(0, Tool.run("nbdinfo", runner.uri(handler + "/nothing")).exit());
    }

    @Test
    public void nbdcopyRoundTrip() throws Exception {
        String uri = disk("copy", "64M");
        Path source = random("source", 64 * MIB, 1);
        Path copy = work.resolve("copy");
        Tool.run("nbdcopy", "--connections=4", "--requests=64", source.toString(), uri)
                .ok();
        Tool.run("nbdcopy", "--connections=4", "--requests=64", uri, copy.toString())
                .ok();
        assertArrayEquals(Files.readAllBytes(source), Files.readAllBytes(copy));
        Files.delete(source);
        Files.delete(copy);
    }

    @Test
    public void qemuImgConvertsAndCompares() throws Exception {
        String uri = disk("img", "32M");
        Path source = random("img", 32 * MIB, 2);
        Tool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source.toString(), uri)
                .ok();
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source.toString(), uri)
                .ok();
        byte[] changed = Files.readAllBytes(source);
        changed[20 * MIB] ^= 1;
        Files.write(source, changed);
        assertEquals(
                1,
                Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source.toString(), uri)
                        .exit());
        Files.delete(source);
    }

    @Test
    public void holesAreSeenAndSkipped() throws Exception {
        String uri = disk("holes", "64M");
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 16M 4M", "-c", "flush", uri)
                .ok();
        String map = Tool.run("nbdinfo", "--map", uri).ok().out();
        assertTrue(map, map.replaceAll(" +", " ").contains("16777216 4194304 0 data"));
        assertTrue(map, map.contains("hole,zero"));
        String qemu = Tool.run("qemu-img", "map", "--output=json", "-f", "raw", uri)
                .ok()
                .out();
        assertEquals(qemu, 3, JsonParser.parseString(qemu).getAsJsonArray().size());
    }

    @Test
    public void libnbdSeesWhatWasNegotiated() throws Exception {
        Path script = Runner.ITESTS.resolve("src/test/resources/negotiated.py");
        // The module is of the system's Python, which may not be the first one there is.
        Tool.run("/usr/bin/python3", script.toString(), disk("negotiated", "8M"))
                .ok();
    }

    @Test
    public void qemuIoCommands() throws Exception {
        String uri = disk("io", "8M");
        Tool.Result r = Tool.run(
                        "qemu-io",
                        "-f",
                        "raw",
                        "-c",
                        "write -P 0xab 0 1M",
                        "-c",
                        "read -P 0xab 0 1M",
                        "-c",
                        "write -z -u 64k 64k",
                        "-c",
                        "read -P 0 64k 64k",
                        "-c",
                        "write -z 256k 64k",
                        "-c",
                        "read -P 0 256k 64k",
                        "-c",
                        "discard 128k 128k",
                        "-c",
                        "read -P 0xab 0 64k",
                        "-c",
                        "write -f -P 0xcd 513 1023",
                        "-c",
                        "read -P 0xcd 513 1023",
                        "-c",
                        "flush",
                        "-c",
                        "aio_write -P 3 1M 64k",
                        "-c",
                        "aio_flush",
                        "-c",
                        "read -P 3 1M 64k",
                        uri)
                .ok();
        assertTrue(
                r.toString(),
                !r.out().contains("verification failed") && !r.out().contains("error"));
    }

    @Test
    public void fioVerifies() throws Exception {
        String uri = disk("fio", "128M");
        Tool.run(
                        Map.of(),
                        List.of(
                                "fio",
                                "--name=verify",
                                "--ioengine=nbd",
                                "--uri=" + uri,
                                "--rw=randwrite",
                                "--bsrange=4k-64k",
                                "--size=64m",
                                "--iodepth=32",
                                "--verify=crc32c",
                                "--verify_state_save=0",
                                "--verify_fatal=1",
                                "--do_verify=1",
                                "--verify_backlog=256"))
                .ok();
    }

    @Test
    public void dataStayIntactOverSeveralConnectionsForLong() throws Exception {
        try (Fio fio = new Fio(disk("long", "64M"), LONG_S)) {
            System.out.println(handler + ", 4 connections for " + LONG_S + " s: " + fio.complete());
        }
    }
}
