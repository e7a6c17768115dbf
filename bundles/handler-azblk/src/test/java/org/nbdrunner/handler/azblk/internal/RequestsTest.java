package org.nbdrunner.handler.azblk.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.handler.azblk.internal.FakeService.Fault;
import org.nbdrunner.kit.TestRequest;

/** Which calls are made of requests, and what they carry. */
class RequestsTest {
    private static final int MIB = 1 << 20;
    private static final int BLOCK = 4096;

    @TempDir
    private Path directory;

    private FakeService service;
    private AzblkHandler handler;

    @BeforeEach
    void start() throws IOException {
        service = new FakeService();
        handler = new AzblkHandler(new TestConfig(directory.toString(), "", 4, true, MIB));
    }

    @AfterEach
    void stop() {
        service.close();
    }

    private Cfgstring create(int size) throws IOException {
        Cfgstring cfg = Cfgstring.parse(service.cfg("disk"));
        handler.create(cfg, size, false, ProgressListener.NONE);
        return cfg;
    }

    private Volume open(Cfgstring cfg) throws IOException {
        return handler.open(cfg, OpenOptions.of(false, Duration.ofSeconds(30)));
    }

    private static byte[] data(long seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    private List<String> calls(String beginning) {
        return service.log.stream().filter(c -> c.startsWith(beginning)).toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "host",
                "host/container",
                "host//blob",
                "host/../blob",
                "/container/blob",
                "user@host/container/blob",
                "host/container/a blob",
                "host/container/blob%aj",
                "host/container/blob?comp=page",
                "host/container/blob#x",
                "host:port/container/blob",
                "host/container/blob;sas=",
                "host/container/blob;sas=sv=1&sp=r",
                "host/container/blob;sas=sig=a%aj",
                "host/container/blob;sas=sig=a b",
                "host/container/blob;sas=sig=a#b",
                "host/container/blob;lease=",
                "host/container/blob;lease=1234",
                "host/container/blob;http=yes",
                "host/container/blob;auth=",
                "host/container/blob;auth=../secret",
                "host/container/blob;auth=a;sas=sig=b"
            })
    void badCfgstringsAreRefusedWithoutShowingTheSas(String text) throws IOException {
        Cfgstring cfg = Cfgstring.parse(text);
        StorageException e = assertThrows(StorageException.class, () -> BlobAddress.of(cfg));
        assertEquals(Errno.EINVAL, e.errno());
        assertTrue(e.getMessage().startsWith(cfg.key() + ": "), e.getMessage());
        assertFalse(e.getMessage().contains("sig=a"), e.getMessage());
    }

    @Test
    void anAddressIsUnderstood() throws IOException {
        BlobAddress a = BlobAddress.of(Cfgstring.parse("acc.blob.core.windows.net/vhds/a/b%20c;sas=?sv=1&sig=x%2B"));
        assertEquals("https://acc.blob.core.windows.net/vhds/a/b%20c", a.url().toString());
        assertEquals("acc", a.account());
        assertEquals("sv=1&sig=x%2B", a.sas());
        a = BlobAddress.of(Cfgstring.parse("127.0.0.1:10000/devstoreaccount1/vhds/d\u00e9;http"));
        assertEquals(
                "http://127.0.0.1:10000/devstoreaccount1/vhds/d%C3%A9", a.url().toString());
        assertEquals("devstoreaccount1", a.account());
        assertEquals("127.0.0.1:10000", a.authority());
        assertEquals(
                "dev", BlobAddress.of(Cfgstring.parse("localhost/dev/vhds/d")).account());
    }

    @Test
    void largeWritesAreSplitAndGoTogether() throws IOException {
        byte[] data = data(1, 18 * MIB);
        try (Volume v = open(create(20 * MIB))) {
            TestRequest.write(512, data, 0).run(v);
            assertArrayEquals(data, Arrays.copyOfRange(service.blob("disk").data, 512, 512 + data.length));
            assertEquals(5, calls("PUT comp=page").size(), service.log::toString);
            assertArrayEquals(data, TestRequest.read(512, data.length).run(v).data());
            assertEquals(5, calls("GET timeout").size(), service.log::toString);
            TestRequest.of(Command.TRIM, 0, 20 * MIB, 0).run(v);
            assertEquals(6, calls("PUT comp=page").size(), "one call clears any length");
        }
        assertTrue(service.mostAtOnce.get() <= 4, "at once: " + service.mostAtOnce);
    }

    @Test
    void waitingNeighboursAreMerged() throws IOException {
        int blocks = 256;
        try (Volume v = open(create(8 * MIB))) {
            CountDownLatch submitted = new CountDownLatch(1);
            service.plan = (method, query) -> {
                submitted.await();
                return Fault.NONE;
            };
            List<TestRequest> writes = new ArrayList<>();
            for (int i = 0; i < blocks; i++) {
                writes.add(
                        TestRequest.write((long) i * BLOCK, data(i, BLOCK), 0).submit(v));
            }
            submitted.countDown();
            for (TestRequest w : writes) {
                w.await();
            }
            int calls = calls("PUT comp=page").size();
            assertTrue(calls < blocks / 2, calls + " calls");
            for (int i = 0; i < blocks; i++) {
                assertArrayEquals(
                        data(i, BLOCK), Arrays.copyOfRange(service.blob("disk").data, i * BLOCK, (i + 1) * BLOCK));
            }
            List<TestRequest> reads = new ArrayList<>();
            for (int i = blocks - 1; i >= 0; i--) { // not in order: nothing is read ahead
                reads.add(TestRequest.read((long) i * BLOCK, BLOCK).submit(v));
            }
            for (int i = 0; i < blocks; i++) {
                reads.get(i).await();
                assertArrayEquals(data(blocks - 1 - i, BLOCK), reads.get(i).data());
            }
        }
    }

    @Test
    void aWriteIsNotAcknowledgedBeforeTheService() throws IOException {
        try (Volume v = open(create(MIB))) {
            service.plan = (method, query) -> query.contains("comp=page") ? Fault.BUSY : Fault.NONE;
            TestRequest w =
                    TestRequest.write(0, data(1, BLOCK), TestRequest.FUA).submit(v);
            TestRequest.of(Command.FLUSH, 0, 0, 0).run(v);
            while (calls("PUT comp=page").size() < 3) {
                Thread.onSpinWait();
            }
            assertEquals(0, w.completions());
            service.plan = (method, query) -> Fault.NONE;
            w.await();
            assertArrayEquals(data(1, BLOCK), Arrays.copyOf(service.blob("disk").data, BLOCK));
        }
    }

    @Test
    void whoReadsInOrderIsReadAheadFor() throws IOException {
        byte[] data = data(1, 8 * MIB);
        try (Volume v = open(create(8 * MIB))) {
            System.arraycopy(data, 0, service.blob("disk").data, 0, data.length);
            for (int at = 0; at < data.length; at += 65536) {
                assertArrayEquals(
                        Arrays.copyOfRange(data, at, at + 65536),
                        TestRequest.read(at, 65536).run(v).data());
            }
            int calls = calls("GET timeout").size();
            // Three until it is noticed, the rest of their MiB, and one for each MiB that follows.
            assertTrue(calls < 16, calls + " calls");
        }
    }

    @Test
    void whoWritesWhatWasJustReadIsNotReadAheadForEachTime() throws IOException {
        int block = 65536;
        try (Volume v = open(create(4 * MIB))) {
            for (int at = 0; at < 4 * MIB; at += block) {
                TestRequest.read(at, block).run(v);
                TestRequest.write(at, data(at, block), 0).run(v);
            }
            long bytes = calls("GET timeout").stream()
                    .map(call -> call.replaceAll(".*bytes=", "").split("-", -1))
                    .mapToLong(ends -> Long.parseLong(ends[1]) - Long.parseLong(ends[0]) + 1)
                    .sum();
            assertTrue(bytes < 12 * MIB, bytes + " bytes");
        }
    }

    @Test
    void whatWasWrittenIsReadThoughItWasReadAhead() throws IOException {
        int blocks = 1024;
        byte[] model = new byte[blocks * BLOCK];
        Random random = new Random(5);
        try (Volume v = open(create(4 * MIB))) {
            for (int round = 0; round < 4; round++) {
                for (int i = 0; i < blocks; i += 4) {
                    assertArrayEquals(
                            Arrays.copyOfRange(model, i * BLOCK, (i + 4) * BLOCK),
                            TestRequest.read((long) i * BLOCK, 4 * BLOCK).run(v).data(),
                            "round " + round + ", block " + i);
                    if (i % 16 == 0) {
                        // Before or behind the reader, in what is read ahead or not.
                        int at = Math.floorMod(i + random.nextInt(600) - 100, blocks);
                        byte[] block = data(random.nextLong(), BLOCK);
                        TestRequest.write((long) at * BLOCK, block, 0).run(v);
                        System.arraycopy(block, 0, model, at * BLOCK, BLOCK);
                    }
                }
            }
        }
    }

    @Test
    void aLeaseIsTakenKeptAndUsed() throws IOException {
        String lease = UUID.randomUUID().toString();
        create(MIB);
        Cfgstring cfg = Cfgstring.parse(service.cfg("disk") + ";lease=" + lease);
        for (int i = 0; i < 2; i++) {
            try (Volume v = open(cfg)) {
                TestRequest.write(0, data(1, BLOCK), 0).run(v);
                assertEquals(lease, service.blob("disk").lease);
            }
        }
        Cfgstring without = Cfgstring.parse(service.cfg("disk"));
        assertEquals(
                Errno.EBUSY,
                assertThrows(StorageException.class, () -> open(without)).errno());
        assertEquals(
                Errno.EBUSY,
                assertThrows(StorageException.class, () -> handler.delete(without))
                        .errno());
        Cfgstring other = Cfgstring.parse(service.cfg("disk") + ";lease=" + UUID.randomUUID());
        assertEquals(
                Errno.EBUSY,
                assertThrows(StorageException.class, () -> open(other)).errno());
        try (Volume v = open(cfg)) {
            service.blob("disk").lease = "stolen";
            StorageException e = assertThrows(
                    StorageException.class, () -> TestRequest.read(0, BLOCK).run(v));
            assertTrue(e.getMessage().contains("its lease is lost"), e.getMessage());
        }
        service.blob("disk").lease = lease;
        handler.delete(cfg);
        assertTrue(service.blobs.isEmpty());
    }

    @Test
    void aBlobThatOthersMadeIsUsedAsItIs() throws IOException {
        Cfgstring cfg = create(MIB);
        byte[] data = data(1, MIB);
        service.blobs.replaceAll((path, made) -> {
            FakeService.Blob b = new FakeService.Blob(MIB, "PageBlob");
            System.arraycopy(data, 0, b.data, 0, MIB);
            return b;
        });
        StorageException e =
                assertThrows(StorageException.class, () -> handler.create(cfg, MIB, false, ProgressListener.NONE));
        assertEquals(Errno.EEXIST, e.errno());
        try (Volume v = open(cfg)) {
            assertEquals(MIB, v.info().size());
            assertArrayEquals(data, TestRequest.read(0, MIB).run(v).data());
            TestRequest.write(0, data(2, BLOCK), 0).run(v);
            assertArrayEquals(data(2, BLOCK), Arrays.copyOf(service.blob("disk").data, BLOCK));
        }
        handler.delete(cfg);
        assertTrue(service.blobs.isEmpty());
    }

    @Test
    void aBlobThatIsNoPageBlobIsLeftAlone() throws IOException {
        Cfgstring cfg = create(MIB);
        service.blobs.replaceAll((path, b) -> new FakeService.Blob(MIB, "BlockBlob"));
        assertEquals(
                Errno.EINVAL,
                assertThrows(StorageException.class, () -> open(cfg)).errno());
        assertEquals(
                Errno.EINVAL,
                assertThrows(StorageException.class, () -> handler.delete(cfg)).errno());
    }

    @Test
    void aResizedBlobIsNoticed() throws IOException {
        try (Volume v = open(create(MIB))) {
            FakeService.Blob blob = service.blob("disk");
            blob.data = new byte[2 * MIB];
            blob.pages = new boolean[2 * MIB / 512];
            TestRequest.read(0, BLOCK).run(v);
            assertEquals(2 * MIB, v.info().size());
            blob.data = new byte[MIB / 2];
            TestRequest.read(0, BLOCK).run(v);
            assertEquals(MIB / 2, v.info().size());
            assertThrows(
                    StorageException.class,
                    () -> TestRequest.write(MIB / 2, data(1, BLOCK), 0).run(v));
        }
    }

    @Test
    void zeroesThatTakeUpSpaceAreWritten() throws IOException {
        try (Volume v = open(create(8 * MIB))) {
            TestRequest.of(Command.WRITE_ZEROES, 512, 5 * MIB + 1024, TestRequest.NO_HOLE)
                    .run(v);
            assertEquals(
                    List.of(
                            new TestRequest.Extent(512, true, true),
                            new TestRequest.Extent(5 * MIB + 1024, false, false),
                            new TestRequest.Extent(3 * MIB - 1536, true, true)),
                    TestRequest.of(Command.BLOCK_STATUS, 0, 8 * MIB, 0).run(v).extents());
        }
    }

    private Path secret(String name, String... lines) throws IOException {
        Path file = directory.resolve(name);
        Files.write(file, List.of(lines));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return file;
    }

    @Test
    void credentialsComeFromFilesThatMayBeReplaced() throws IOException {
        create(MIB);
        secret("sas", "host = " + service.authority(), "sas = " + FakeService.SAS.replace("good", "old"));
        service.sas = FakeService.SAS.replace("good", "old");
        Cfgstring cfg = Cfgstring.parse(service.key("disk") + ";http;auth=sas");
        try (Volume v = open(cfg)) {
            assertTrue(v.info().can(Capability.FUA));
            service.sas = FakeService.SAS;
            assertThrows(
                    StorageException.class, () -> TestRequest.read(0, BLOCK).run(v));
            secret("sas", "host = " + service.authority(), "sas = " + FakeService.SAS);
            TestRequest.read(0, BLOCK).run(v);
        }
        secret("key", "host = " + service.authority(), "key = c2VjcmV0");
        try (Volume v = open(Cfgstring.parse(service.key("disk") + ";http;auth=key"))) {
            TestRequest.read(0, BLOCK).run(v);
        }
        String first = service.authorisations.get(0);
        assertTrue(first.startsWith("SharedKey " + FakeService.ACCOUNT + ":"), first);
    }

    @Test
    void credentialFilesThatCannotBeUsedAreExplained() throws IOException {
        explained("none", "does not exist");
        secret("elsewhere", "host = other.example", "sas = sig=a");
        explained("elsewhere", "not for this host");
        secret("both", "host = " + service.authority(), "sas = sig=a", "key = YQ==");
        explained("both", "either a sas or a key");
        secret("bad", "host = " + service.authority(), "key = %%%");
        explained("bad", "not Base64");
        Path open = secret("open", "host = " + service.authority(), "sas = sig=a");
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
        explained("open", "chmod 600");
    }

    private void explained(String name, String words) throws IOException {
        Cfgstring cfg = Cfgstring.parse(service.key("disk") + ";http;auth=" + name);
        StorageException e = assertThrows(StorageException.class, () -> open(cfg));
        assertEquals(Errno.EACCES, e.errno());
        assertTrue(e.getMessage().contains(words), e.getMessage());
        assertFalse(e.getMessage().contains("sig=a"), e.getMessage());
    }

    @Test
    void configurationThatCannotBeUsedIsExplained() {
        for (TestConfig bad : List.of(
                new TestConfig("", "", 0, true, 0),
                new TestConfig("", "", 257, true, 0),
                new TestConfig("", "", 1, true, 1000),
                new TestConfig("", directory.resolve("no.pem").toString(), 1, true, 0))) {
            assertThrows(IOException.class, () -> new AzblkHandler(bad), bad::toString);
        }
    }
}
