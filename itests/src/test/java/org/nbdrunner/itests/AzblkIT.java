package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.Test;

/** Page blobs on Azurite. */
public class AzblkIT {
    private static final String BUNDLE = "org.nbdrunner.handler.azblk";
    private static final int SECONDS = 30;

    private static Tool.Result io(Runner runner, String key, String... commands)
            throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.addAll(List.of("-c", command));
        }
        words.add(runner.uri("azblk/" + key));
        return Tool.run(Map.of(), words);
    }

    private static boolean failed(Tool.Result result) {
        return result.exit() != 0 || (result.out() + result.err()).contains("failed");
    }

    /** Says what is wrong with a name, and nothing that might be a secret. */
    private static void refused(Runner runner, String bad, String said) {
        try {
            Tool.Result r = runner.cli("azblk", "create", bad, "size", "1M");
            assertTrue(r.toString(), r.exit() == 1 && r.err().contains(said));
            assertFalse(r.toString(), (r.out() + r.err()).matches("(?s).*sig=[a%].*"));
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void assertNoSecret(Runner runner) throws IOException {
        assertFalse(runner.log().contains("sig="));
        try (Stream<Path> logs = Files.list(runner.home.resolve("data/log"))) {
            for (Path log : (Iterable<Path>) logs::iterator) {
                assertFalse(Files.readString(log, StandardCharsets.UTF_8).contains("sig="));
            }
        }
        assertEquals(
                PosixFilePermissions.fromString("rw-------"),
                Files.getPosixFilePermissions(runner.home.resolve("data/saveconfig.json")));
    }

    @Test
    public void upgradesAndARestartOfTheServiceUnderLoad() throws Exception {
        try (Azurite azurite = new Azurite(Map.of());
                Runner runner = new Runner()) {
            runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            runner.configure("org.nbdrunner.registry", Map.of("timeout", "120"));
            runner.start();
            runner.cli("azblk", "create", azurite.cfg("disk"), "size", "64M").ok();
            for (String[] shown : List.of(new String[] {"list"}, new String[] {"azblk", "list"}, new String[] {
                "azblk", "info", azurite.key("disk")
            })) {
                String out = runner.cli(shown).ok().out();
                assertTrue(out, out.contains(azurite.key("disk")) && !out.contains("sig="));
            }
            Path jar = runner.home.resolve("newer.jar");
            try (Fio fio = new Fio(runner.uri("azblk/" + azurite.key("disk")), SECONDS)) {
                for (String version : List.of("2.0.0", "3.0.0")) {
                    Versions.make(Versions.shipped(BUNDLE), version, jar);
                    assertEquals(
                            "azblk " + version + "\n",
                            runner.cli("handler", "upgrade", jar.toString())
                                    .ok()
                                    .out());
                    azurite.restart();
                }
                fio.assertRunning();
                System.out.println("azblk, 2 upgrades and 2 restarts of the service under load: " + fio.end());
            }
            runner.stop();
            runner.start();
            io(runner, azurite.key("disk"), "write -P 9 0 1M", "flush", "read -P 9 0 1M")
                    .ok();
            runner.stop();
            assertNoSecret(runner);
        }
    }

    @Test
    public void lostLeasesExpiredSignaturesAndBadNames() throws Exception {
        try (Azurite azurite = new Azurite(Map.of("AZURITE_MEMORY", "1"));
                Runner runner = new Runner().start()) {
            Map.of(
                            "host", "HOST/CONTAINER/BLOB is needed",
                            "host/a b/c", "it is no HOST/CONTAINER/BLOB of a URL",
                            "host/container/blob;lease=1", "Invalid lease argument, it must be a GUID",
                            "host/container/blob;http=2", "the option http takes no value",
                            "host/container/blob;sas=x", "Invalid sas argument, it has no signature (sig=)",
                            "host/container/blob;sas=sig=%aj", "Invalid sas argument, it is not percent-encoded",
                            "host/container/blob;sas=sig=a;auth=b", "either sas or auth is needed, not both",
                            "host/container/blob;auth=a/b", "Invalid auth argument, it must be the name of a file",
                            "host/container/blob;sig=a", "sig")
                    .forEach((bad, said) -> refused(runner, bad, said));
            String lease = UUID.randomUUID().toString();
            String leased = azurite.cfg("leased") + ";lease=" + lease;
            runner.cli("azblk", "create", leased, "size", "8M").ok();
            String key = azurite.key("leased");
            assertFalse(failed(io(runner, key, "write -P 7 0 64k", "read -P 7 0 64k")));
            String thief = azurite.steal("leased");
            Tool.Result stolen = io(runner, key, "write -P 8 0 64k");
            assertTrue(stolen.toString(), failed(stolen) && stolen.err().contains("others hold a lease"));
            Tool.Result refused = runner.cli("azblk", "delete", key);
            assertNotEquals(0, refused.exit());
            azurite.ask("leased", "comp=lease", "x-ms-lease-action: release", "x-ms-lease-id: " + thief);
            runner.cli("azblk", "delete", key).ok();

            String sas = azurite.sas("rwdlac", 8);
            runner.cli("azblk", "create", azurite.key("brief") + ";http;sas=" + sas, "size", "64M")
                    .ok();
            try (Fio fio = new Fio(runner.uri("azblk/" + azurite.key("brief")), SECONDS)) {
                Runner.await(
                        "the SAS to expire under load", 60, () -> runner.log().contains("its SAS has expired"));
                assertThrows(AssertionError.class, fio::end);
            }
            assertNoSecret(runner);
            runner.stop();
        }
    }

    @Test
    public void httpsWithAnAuthorityOfOnesOwnAndCredentialsInAFile() throws Exception {
        try (Azurite azurite = new Azurite(Map.of("AZURITE_MEMORY", "1", "AZURITE_TLS", "1"));
                Runner runner = new Runner()) {
            String key = azurite.key("disk");
            Path file =
                    Files.createDirectories(runner.home.resolve("data/azblk")).resolve("emulator");
            Files.createDirectories(runner.home.resolve("data/log"));
            Files.createDirectories(runner.home.resolve("data/files"));
            Files.writeString(
                    file, "host = 127.0.0.1:" + azurite.setting("PORT") + "\nkey = " + azurite.setting("KEY") + "\n");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            runner.start();
            Tool.Result distrusted = runner.cli("azblk", "create", key + ";auth=emulator", "size", "8M");
            assertNotEquals(0, distrusted.exit());
            assertTrue(distrusted.toString(), distrusted.err().contains("not trusted"));
            runner.stop();
            runner.configure(
                    BUNDLE,
                    Map.of("caFile", azurite.directory.resolve("tls/cert.pem").toString()));
            runner.start();
            runner.cli("azblk", "create", key + ";auth=emulator", "size", "8M").ok();
            assertFalse(
                    failed(io(runner, key, "write -P 7 0 5M", "read -P 7 0 5M", "write -z 1M 1M", "read -P 0 1M 1M")));
            assertEquals(
                    1,
                    runner.cli("azblk", "create", key + ";auth=emulator", "size", "8M")
                            .exit());
            runner.cli("azblk", "delete", key).ok();
            runner.stop();
        }
    }

    @Test
    public void aFileSystemOnAnotherMachine() throws Exception {
        try (Azurite azurite = new Azurite(Map.of("AZURITE_MEMORY", "1"));
                Runner runner = new Runner().start()) {
            Guest.uses(runner, "azblk", azurite.cfg("guest"));
            runner.stop();
        }
    }

    @Test
    public void blobsAreResized() throws Exception {
        try (Azurite azurite = new Azurite(Map.of("AZURITE_MEMORY", "1"));
                Runner runner = new Runner().start()) {
            String lease = ";lease=" + UUID.randomUUID();
            String key = azurite.key("resized");
            ResizeIT.grows(runner, "azblk", azurite.resizable("resized") + lease, runner.uri("azblk/" + key));
            runner.cli("azblk", "delete", key).ok();
            runner.stop();
            assertNoSecret(runner);
        }
    }
}
