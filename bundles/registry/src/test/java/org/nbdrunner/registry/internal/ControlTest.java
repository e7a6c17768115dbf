package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;

class ControlTest {
    private static final String H = Fixture.HANDLER;

    @TempDir
    Path directory;

    private final TestHandler handler = new TestHandler();

    private Fixture fixture() throws IOException {
        return new Fixture(directory, handler);
    }

    /** The text in a captured answer to LIST: after the record mark, six words of RPC header and the exit code. */
    private static String captured(String name) throws IOException {
        try (InputStream in = ControlTest.class.getResourceAsStream(name)) {
            String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .skip(1)
                    .reduce("", String::concat);
            ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(hex)).position(32);
            byte[] text = new byte[bytes.getInt()];
            bytes.get(text);
            return new String(text, StandardCharsets.UTF_8);
        }
    }

    @Test
    void whatWasInMemoryIsForgottenWithIt() throws Exception {
        try (Fixture f = fixture()) {
            f.create("unmapped");
            f.create("mapped");
            f.map("mapped");
            f.registry().forget(Fixture.HANDLER);
            assertEquals(2, f.control().list("").size(), "the handler still serves");

            f.registry().close();
            f.start();
            f.handler.storage.disks.clear();
            f.registry().forget(Fixture.HANDLER);
            f.registry().add(Fixture.HANDLER, f.handler, 0, 1, Fixture.ORIGIN);
            assertNull(f.info("unmapped"));
            assertEquals(BackstoreState.DEAD, f.state("mapped"));
            f.create("unmapped");

            assertEquals(Fixture.DEVICE, f.control().unmap(Fixture.HANDLER, "mapped", ""));
            assertNull(f.info("mapped"));
            f.create("mapped");
            f.restart();
            assertEquals(2, f.control().list("").size());
        }
    }

    @Test
    void theFileIsTheCProjectsButForTheBlockSize() throws Exception {
        try (Fixture f = fixture()) {
            f.registry().add("gluster", handler, 0, 2, Fixture.ORIGIN);
            f.control().create("gluster", "vol0/disk0", 64 << 20, false, ProgressListener.NONE);
            f.control().create("gluster", "vol0/pre", 16 << 20, true, ProgressListener.NONE);
            assertEquals(captured("list-two-created-reply.hex").replace("4096", "512"), f.text());
            f.control().premap("gluster", "vol0/disk0", false, 30);
            f.control().postmap("gluster", "vol0/disk0", "/dev/nbd0", "2026-11-22 17:37:47");
            f.control().premap("gluster", "vol0/pre", false, 60);
            f.control().postmap("gluster", "vol0/pre", "/dev/nbd7", "2026-11-22 17:37:47");
            assertEquals(captured("list-two-mapped-reply.hex").replace("4096", "512"), f.text());
            f.control().unmap("gluster", "vol0/disk0", "");
            f.control().unmap("gluster", "", "/dev/nbd7");
            assertEquals(captured("list-two-created-reply.hex").replace("4096", "512"), f.text());
        }
    }

    @Test
    void refusalsHaveTheTextsThatClientsKnow() throws Exception {
        try (Fixture f = fixture()) {
            f.create("vol0/disk0");
            assertEquals("vol0/disk0 already exists!", Fixture.refused(Errno.EEXIST, () -> f.create("vol0/disk0")));
            f.map("vol0/disk0");
            assertEquals(
                    "vol0/disk0 already mapped to /dev/nbd0!",
                    Fixture.refused(Errno.EBUSY, () -> f.control().premap(H, "vol0/disk0", false, 30)));
            assertEquals(
                    "There is no maping for 'vol0/none'!",
                    Fixture.refused(Errno.ENODEV, () -> f.control().unmap(H, "vol0/none", "")));
            assertEquals(
                    "There is no maping for '/dev/nbd9'!",
                    Fixture.refused(Errno.ENODEV, () -> f.control().unmap(H, "", "/dev/nbd9")));
            assertEquals(
                    "No such device found: vol0/xyz",
                    Fixture.refused(Errno.EINVAL, () -> f.exports().openMapped("vol0/xyz", r -> {})));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, positive multiple of 512",
        "-512, positive multiple of 512",
        "1, is 512",
        "1000, are 512 and 1024",
        "9223372036854775807, is 9223372036854775296"
    })
    void sizesAreMultiplesOf512(long size, String text) throws Exception {
        try (Fixture f = fixture()) {
            String message =
                    Fixture.refused(Errno.EINVAL, () -> f.control().create(H, "d", size, false, ProgressListener.NONE));
            assertTrue(message.endsWith(text), message);
            assertEquals(List.of(), f.control().list(""));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ";", ";x", "a\u0007", "a;=1", "a;sas=1;sas=2", "a\ud800"})
    void namesAreChecked(String cfgstring) throws Exception {
        handler.options = Set.of("sas");
        try (Fixture f = fixture()) {
            Fixture.refused(Errno.EINVAL, () -> f.create(cfgstring));
            Fixture.refused(Errno.EINVAL, () -> f.control().delete(H, cfgstring));
            Fixture.refused(Errno.EINVAL, () -> f.control().premap(H, cfgstring, false, 30));
            Fixture.refused(Errno.EINVAL, () -> f.control().postmap(H, cfgstring, "/dev/nbd0", ""));
            Fixture.refused(Errno.EINVAL, () -> f.control().unmap(H, cfgstring, ""));
            assertFalse(Files.exists(f.file()));
        }
    }

    @Test
    void optionsAreChecked() throws Exception {
        handler.options = Set.of("sas", "lease");
        try (Fixture f = fixture()) {
            String message = Fixture.refused(Errno.EINVAL, () -> f.create("a;sas=secret;b=c;z=q"));
            assertEquals("a: handler dummy does not know the option b, z; it knows lease, sas", message);
            handler.options = Set.of();
        }
    }

    @Test
    void textsAreChecked() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            f.control().premap(H, "a", false, 30);
            Fixture.refused(Errno.EINVAL, () -> f.control().postmap(H, "a", "nbd0", ""));
            Fixture.refused(Errno.EINVAL, () -> f.control().postmap(H, "a", "/dev/nbd0\n", ""));
            Fixture.refused(Errno.EINVAL, () -> f.control().postmap(H, "a", "/dev/nbd0", "x".repeat(256)));
            Fixture.refused(Errno.EINVAL, () -> f.control().premap(H, "a", false, 0));
            Fixture.refused(Errno.EINVAL, () -> f.control().unmap(H, "", ""));
            assertEquals(BackstoreState.MAPPING, f.state("a"));
        }
    }

    @Test
    void anUnknownHandlerIsRefusedWithThosePresent() throws Exception {
        try (Fixture f = fixture()) {
            f.registry().add("file", new TestHandler(), 0, 2, Fixture.ORIGIN);
            String message = Fixture.refused(
                    Errno.ENODEV, () -> f.control().create("fil", "a", 512, false, ProgressListener.NONE));
            assertEquals("there is no handler \"fil\"; present: dummy, file", message);
            Fixture.refused(Errno.ENODEV, () -> f.control().delete("fil", "a"));
            Fixture.refused(Errno.ENODEV, () -> f.control().premap("fil", "a", false, 30));
            assertEquals(
                    List.of(
                            new HandlerInfo("dummy", 1000, 0, "1.0.0", 7, HandlerState.ACTIVE, 0, 0, ""),
                            new HandlerInfo("file", 1001, 0, "1.0.0", 7, HandlerState.ACTIVE, 0, 0, "")),
                    f.control().handlers());
        }
    }

    @Test
    void aKeyBelongsToOneHandler() throws Exception {
        try (Fixture f = fixture()) {
            f.registry().add("file", new TestHandler(), 0, 2, Fixture.ORIGIN);
            f.create("a");
            Fixture.refused(Errno.EEXIST, () -> f.control().create("file", "a", 512, false, ProgressListener.NONE));
            Fixture.refused(Errno.ENOENT, () -> f.control().delete("file", "a"));
            Fixture.refused(Errno.ENOENT, () -> f.control().premap("file", "a", false, 30));
            Fixture.refused(Errno.ENOENT, () -> f.exports().open("file/a", r -> {}));
            f.map("a");
            Fixture.refused(Errno.ENOENT, () -> f.control().postmap("file", "a", "/dev/nbd0", ""));
            Fixture.refused(Errno.ENODEV, () -> f.control().unmap("file", "a", ""));
            Fixture.refused(Errno.ENODEV, () -> f.control().unmap("file", "", Fixture.DEVICE));
            assertEquals(1, f.control().list(H).size());
            assertEquals(List.of(), f.control().list("file"));
        }
    }

    @Test
    void premapTellsWhatTheClientNeeds() throws Exception {
        handler.capabilities = Set.of(Capability.values());
        try (Fixture f = fixture()) {
            f.create("a");
            assertEquals(
                    new Premapped("", "localhost", 24111, Fixture.SIZE, 512, 0xd7d, 4),
                    f.control().premap(H, "a", false, 30));
            assertEquals(
                    new Premapped("", "localhost", 24111, Fixture.SIZE, 512, 0x517, 4),
                    f.control().premap(H, "a", true, 30));
            handler.storage.disks.put(
                    "b", VolumeInfo.builder(8192).minimumBlock(4096).build());
            assertEquals(
                    new Premapped("", "localhost", 24111, 8192, 4096, 1, 1),
                    f.control().premap(H, "b", false, 9));
            assertEquals(
                    new BackstoreInfo(H, 1000, "b", BackstoreState.MAPPING, "", "", 8192, 4096, 9, false, false),
                    f.info("b"));
        }
    }

    @Test
    void premapNeedsTheListener() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            f.listening = false;
            String message = Fixture.refused(Errno.ENOTCONN, () -> f.control().premap(H, "a", false, 30));
            assertTrue(message.startsWith("the I/O listener is not running"), message);
            assertEquals(BackstoreState.CREATED, f.state("a"));
            assertEquals(0, handler.storage.openVolumes());
        }
    }

    @Test
    void aReadOnlyMappingIsReadOnlyThroughout() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            f.control().premap(H, "a", true, 30);
            assertTrue(handler.openedWith.get("a").readOnly());
            OpenExport export = f.exports().openMapped("a", r -> {});
            assertTrue(export.info().readOnly());
            assertTrue(f.info("a").readOnly());
        }
    }

    @Test
    void aReadOnlyMappingBesideAWriterLeavesTheVolumeWritable() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            OpenExport writer = f.open("a");
            f.control().premap(H, "a", true, 30);
            OpenExport reader = f.exports().openMapped("a", r -> {});
            assertTrue(reader.info().readOnly());
            assertFalse(writer.info().readOnly());
            assertEquals(1, handler.opens.get());
        }
    }

    @Test
    void aWritableMappingReopensAVolumeThatReadersShare() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            f.control().premap(H, "a", true, 30);
            OpenExport reader = f.open("a");
            assertTrue(reader.info().readOnly());
            f.control().postmap(H, "a", "", "");
            assertEquals(1, f.control().premap(H, "a", false, 30).flags() & 3, "it was to be writable");
            assertFalse(f.exports().openMapped("a", r -> {}).info().readOnly());
            TestRequest.taken(reader);
            handler.storage.assertUnharmed();
        }
    }

    @Test
    void optionsAreKeptAndPassedOn() throws Exception {
        handler.options = Set.of("sas", "lease", "http");
        try (Fixture f = fixture()) {
            f.control().create(H, "a;sas=s=1;http", 512, false, ProgressListener.NONE);
            assertTrue(f.text().contains("\"prealloc\":false,\n    \"sas\":\"s=1\",\n    \"http\":1,\n    \"status\""));
            f.restart();
            f.open("a").close(true);
            assertEquals(
                    Map.of("sas", "s=1", "http", ""), handler.opened.get("a").options());
            f.control().premap(H, "a;sas=2", false, 30);
            assertEquals(Map.of("sas", "2"), handler.opened.get("a").options());
            f.control().postmap(H, "a", "", "");
            f.restart();
            f.control().delete(H, "a");
            assertEquals(Map.of("sas", "2"), handler.deleted.get("a").options());
        }
    }

    @Test
    void aHandlerIsListedByItsNameBeforeItIsHere() throws Exception {
        try (Fixture f = fixture()) {
            f.registry().add("tape", new TestHandler(), 0, 2, Fixture.ORIGIN);
            f.control().create("tape", "reel", 512, false, ProgressListener.NONE);
            assertTrue(f.text().contains("\"handler\":\"tape\""), f.text());
            f.control().create(H, "disk", 512, false, ProgressListener.NONE);
            assertFalse(f.text().contains("\"handler\":\"" + H + "\""), "C programs know this one by its number");
            f.restart();
            assertEquals("tape", f.info("reel").handler());
        }
    }

    @Test
    void whatTheStorageHasIsAdopted() throws Exception {
        handler.options = Set.of("sas");
        try (Fixture f = fixture()) {
            handler.storage.disks.put("a", VolumeInfo.builder(1024).build());
            f.control().premap(H, "a;sas=x", false, 5);
            assertEquals(
                    new BackstoreInfo(H, 1000, "a", BackstoreState.MAPPING, "", "", 1024, 512, 5, false, false),
                    f.info("a"));
            assertTrue(f.text().contains("\"sas\":\"x\""));
            f.control().postmap(H, "a", "", "");
            f.control().delete(H, "a");
            assertNull(f.info("a"));
        }
    }

    @Test
    void aRecordWithoutStorageCanBeDeleted() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            handler.storage.disks.clear();
            f.control().delete(H, "a");
            assertNull(f.info("a"));
            f.create("a");
        }
    }

    @Test
    void aFailedDeleteKeepsTheRecord() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            handler.failure = new StorageException(Errno.EACCES, "no");
            Fixture.refused(Errno.EACCES, () -> f.control().delete(H, "a"));
            assertNotNull(f.info("a"));
            handler.failure = null;
            handler.fault = new IllegalStateException("broken");
            String message = Fixture.refused(Errno.EIO, () -> f.control().delete(H, "a"));
            assertEquals("handler dummy failed: IllegalStateException: broken", message);
            assertTrue(f.text().contains("\"a\""));
        }
    }

    @Test
    void whatCannotBeSavedHasNotHappened() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            OpenExport mapped;
            Files.createDirectories(directory.resolve("saveconfig.json.tmp/full"));
            assertTrue(Fixture.refused(Errno.ENOTEMPTY, () -> f.create("b")).contains("saveconfig.json"));
            assertNull(f.info("b"));
            assertNull(handler.storage.disks.get("b"), "its storage is left behind");
            Fixture.refused(Errno.ENOTEMPTY, () -> f.control().premap(H, "a", false, 30));
            assertEquals(BackstoreState.CREATED, f.state("a"));
            Fixture.refused(Errno.EINVAL, () -> f.exports().openMapped("a", r -> {}));
            Fixture.await("the volume is closed again", () -> handler.storage.openVolumes() == 0);
            unblock();
            mapped = f.map("a");
            Files.createDirectories(directory.resolve("saveconfig.json.tmp/full"));
            Fixture.refused(Errno.ENOTEMPTY, () -> f.control().unmap(H, "a", ""));
            assertEquals(BackstoreState.MAPPED, f.state("a"));
            mapped.close(false);
            assertEquals(BackstoreState.DEAD, f.state("a"));
            Fixture.refused(Errno.ENOTEMPTY, () -> f.control().unmap(H, "a", ""));
            assertEquals(BackstoreState.DEAD, f.state("a"));
            unblock();
            f.control().unmap(H, "a", "");
            assertTrue(f.text().contains("created"));
        }
    }

    private void unblock() throws IOException {
        Files.delete(directory.resolve("saveconfig.json.tmp/full"));
        Files.delete(directory.resolve("saveconfig.json.tmp"));
    }

    @Test
    void aLongCreateHoldsUpNobodyElse() throws Exception {
        try (Fixture f = fixture()) {
            f.create("other");
            CountDownLatch gate = new CountDownLatch(1);
            handler.createGate = gate;
            AtomicReference<Exception> failure = new AtomicReference<>();
            Thread creator = new Thread(() -> {
                try {
                    f.create("long");
                } catch (ControlException e) {
                    failure.set(e);
                }
            });
            creator.start();
            Fixture.await("creating", () -> creator.getState() == Thread.State.WAITING);
            assertEquals(1, f.control().list("").size());
            f.map("other");
            String message = Fixture.refused(Errno.EBUSY, () -> f.create("long"));
            assertTrue(message.contains("creating it"), message);
            Fixture.refused(Errno.EBUSY, () -> f.control().delete(H, "long"));
            gate.countDown();
            creator.join();
            assertNull(failure.get());
            assertEquals(2, f.control().list("").size());
        }
    }

    @Test
    void deleteWaitsForAClientThatIsJustLeaving() throws Exception {
        try (Fixture f = fixture()) {
            f.restart(Fixture.settings(
                    directory, Duration.ofSeconds(30), Duration.ofSeconds(20), Duration.ofSeconds(10)));
            f.create("a");
            OpenExport export = f.map("a");
            f.control().unmap(H, "a", "");
            Thread client = new Thread(() -> {
                Fixture.await(
                        "delete waits",
                        () -> Thread.getAllStackTraces().values().stream()
                                .flatMap(Arrays::stream)
                                .anyMatch(frame -> frame.getMethodName().equals("awaitLeaving")));
                export.close(true);
            });
            client.start();
            f.control().delete(H, "a");
            client.join();
            assertNull(f.info("a"));
        }
    }

    @Test
    void aClientKeepsABackstoreFromBeingDeleted() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            OpenExport export = f.open("a");
            String message = Fixture.refused(Errno.EBUSY, () -> f.control().delete(H, "a"));
            assertEquals("a is in use by a client: disconnect it first", message);
            export.close(true);
            f.control().delete(H, "a");
        }
    }

    @Test
    void aDeviceMayStandForSeveralMachines() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            f.create("b");
            OpenExport a = f.map("a");
            OpenExport b = f.map("b");
            String message = Fixture.refused(Errno.EINVAL, () -> f.control().unmap(H, "", Fixture.DEVICE));
            assertTrue(message.endsWith("name one of a, b"), message);
            a.close(false);
            f.control().unmap(H, "", Fixture.DEVICE);
            assertEquals(BackstoreState.DEAD, f.state("a"));
            assertEquals(BackstoreState.UNMAPPING, f.state("b"));
            Fixture.refused(Errno.ENODEV, () -> f.control().unmap(H, "a", "/dev/nbd1"));
            b.close(true);
            assertEquals(Fixture.DEVICE, f.control().unmap(H, "", Fixture.DEVICE));
            assertEquals(BackstoreState.CREATED, f.state("a"));
        }
    }

    @Test
    void aBackstoreWithoutHandlerIsKeptListedAndNotExported() throws Exception {
        String text = """
                {
                  "x":{
                    "type":77777,
                    "nbd":"",
                    "maptime":"",
                    "size":512,
                    "blksize":512,
                    "timeout":0,
                    "readonly":false,
                    "prealloc":false,
                    "colour":"red",
                    "status":"created"
                  }
                }""";
        Files.writeString(directory.resolve("saveconfig.json"), text);
        try (Fixture f = fixture()) {
            assertEquals("type 77777", f.info("x").handler());
            assertEquals(List.of(), f.exports().names());
            Fixture.refused(Errno.ENODEV, () -> f.exports().open("type 77777/x", r -> {}));
            f.create("y");
            assertEquals(List.of("dummy/y"), f.exports().names());
            f.control().delete(H, "y");
            assertEquals(text, f.text());
        }
    }

    @Test
    void theNameOfAnAbsentHandlerIsRemembered() throws Exception {
        try (Fixture f = fixture()) {
            TestHandler ours = new TestHandler();
            f.registry().add("my-own", ours, 0, 2, Fixture.ORIGIN);
            f.control().create("my-own", "a", 512, false, ProgressListener.NONE);
            f.registry().remove(ours);
            f.registry().watch().abandon("my-own");
            assertEquals("my-own", f.info("a").handler());
            assertEquals(List.of(), f.exports().names());
            Fixture.refused(Errno.ENODEV, () -> f.exports().open("my-own/a", r -> {}));
        }
    }

    @Test
    void aMemberThatIsNoBackstoreIsNotOverwritten() throws Exception {
        Files.writeString(directory.resolve("saveconfig.json"), "{\"a\":1}");
        try (Fixture f = fixture()) {
            Fixture.refused(Errno.EEXIST, () -> f.create("a"));
            handler.storage.disks.put("a", VolumeInfo.builder(1024).build());
            Fixture.refused(Errno.EEXIST, () -> f.control().premap(H, "a", false, 30));
        }
    }

    @Test
    void exportsAreNamedByHandlerAndKey() throws Exception {
        try (Fixture f = fixture()) {
            Fixture.refused(Errno.ENOENT, () -> f.exports().open("", r -> {}));
            f.create("z/y");
            assertEquals("dummy/z/y", f.exports().open("", r -> {}).name());
            f.create("a");
            assertEquals(List.of("dummy/a", "dummy/z/y"), f.exports().names());
            for (String name : List.of("", "a", "dummy", "dummy/", "/a", "dummy/b", "dummy/a;x", "file/a")) {
                Fixture.refused(Errno.ENOENT, () -> f.exports().open(name, r -> {}));
            }
        }
    }

    @Test
    void aSecondRegistryOnTheDirectoryIsRefused() throws Exception {
        try (Fixture f = fixture()) {
            f.create("a");
            IOException e =
                    org.junit.jupiter.api.Assertions.assertThrows(IOException.class, () -> new Fixture(directory));
            assertTrue(e.getMessage().contains("in use by another nbd-runner"), e.getMessage());
            f.create("b");
        }
    }
}
