package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The legacy protocol, byte for byte as its clients speak it, and what its old server got wrong. */
@Timeout(60)
final class LegacyTest {
    private final HoldingVolume holding = new HoldingVolume(new MemoryVolume(1 << 20));
    private final TestExports exports = new TestExports()
            .with("vol0/disk0", new MemoryVolume(1 << 20))
            .with(
                    "vol0/pre",
                    new FakeVolume(
                            MemoryVolume.all(1 << 20).toBuilder().readOnly(true).build(), r -> r.complete()))
            .with("vol0/held", holding)
            .with("v".repeat(1024), new MemoryVolume(4096))
            .with("vol0/größe", new MemoryVolume(4096));

    private TestServer server;

    @BeforeEach
    void start() throws IOException {
        server = new TestServer(exports);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private TestExports.Open lastOpened() {
        return exports.opened.get(exports.opened.size() - 1);
    }

    private static void says(RawClient client, String vector) throws IOException {
        byte[] expected = Vectors.get(vector);
        assertEquals(Bytes.hex(expected), Bytes.hex(client.read(expected.length)));
    }

    private static void hears(RawClient client, String vector) throws IOException {
        client.send(Vectors.get(vector));
    }

    // Golden bytes

    @Test
    void aKernelsSession() throws IOException {
        RawClient client = server.connectLegacy();
        hears(client, "io-nego-request-rw");
        says(client, "io-nego-reply-ok-rw");
        hears(client, "io-write-request");
        says(client, "io-write-reply");
        hears(client, "io-read-request");
        says(client, "io-read-reply");
        hears(client, "io-disc-request");
        client.expectEnd();
        server.closeClients();
        server.awaitNothingLeft();
        assertTrue(lastOpened().closedClean);
    }

    @Test
    void aReadOnlySession() throws IOException {
        RawClient client = server.connectLegacy();
        hears(client, "io-nego-request-ro");
        says(client, "io-nego-reply-ok-ro");
        hears(client, "io-write-request");
        byte[] refused = Vectors.get("io-write-reply");
        refused[7] = 1; // EPERM; the payload was read, so that the next request is understood
        assertArrayEquals(refused, client.read(16));
        hears(client, "io-disc-request");
        client.expectEnd();
    }

    @Test
    void anUnknownName() throws IOException {
        RawClient client = server.connectLegacy();
        hears(client, "io-nego-request-unknown");
        says(client, "io-nego-reply-unknown");
        client.expectEnd();
    }

    @Test
    void anUnknownCommandIsAnsweredWithAPositiveNumber() throws IOException {
        RawClient client = server.connectLegacy();
        hears(client, "io-nego-request-rw");
        says(client, "io-nego-reply-ok-rw");
        hears(client, "io-unknown-command-request");
        ByteBuffer reply = ByteBuffer.wrap(Vectors.get("io-error-reply"));
        reply.putInt(4, -reply.getInt(4));
        assertEquals(22, reply.getInt(4));
        assertArrayEquals(reply.array(), client.read(16));
        hears(client, "io-read-request");
        assertEquals(
                0x67446698_00000000L, ByteBuffer.wrap(client.read(16 + 4096)).getLong());
    }

    // The client's byte order

    private static Bytes bigEndianName(String name) {
        return new Bytes().string(name);
    }

    @Test
    void aBigEndianClientIsAnsweredInItsOrder() throws IOException {
        RawClient client = server.connectLegacy();
        client.send(bigEndianName("vol0/disk0"));
        assertArrayEquals(new byte[8], client.read(8));
        assertEquals(0, client.read(0, 4096).error());
        RawClient refused = server.connectLegacy();
        refused.send(bigEndianName("vol0/xyz"));
        assertArrayEquals(
                new Bytes().u32(-22).string("No such device found: vol0/xyz").array(), refused.read(38));
        refused.expectEnd();
    }

    // Names

    @ParameterizedTest
    @ValueSource(strings = {"vol0/größe", "longest"})
    void namesMayBeOfManyBytes(String name) throws IOException {
        RawClient client = server.connectLegacy().openLegacy(name.equals("longest") ? "v".repeat(1024) : name);
        assertEquals(0, client.read(0, 4096).error());
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                0,
                1025,
                65_535,
                0x7fffffff,
                0x80000001,
                0xffffffff,
                0xfffffffe,
                0x01020304,
                -1024,
            })
    void otherLengthsAreRefused(int length) throws IOException {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
            RawClient client = server.connectLegacy();
            client.send(ByteBuffer.allocate(4).order(order).putInt(length).array());
            ByteBuffer head = ByteBuffer.wrap(client.read(8));
            int exit = head.getInt();
            boolean little = exit >>> 24 != 0xff; // -22 begins with ff where the first byte is the highest
            assertEquals(-22, little ? Integer.reverseBytes(exit) : exit);
            int text = little ? Integer.reverseBytes(head.getInt()) : head.getInt();
            assertTrue(text > 0 && text <= 1024);
            assertTrue(Utf8.decode(client.read(text)).contains("length"));
            client.expectEnd();
        }
    }

    @Test
    void aRefusalOfALongNameIsBounded() throws IOException {
        RawClient client = server.connectLegacy();
        client.send(RawClient.legacyName("ü".repeat(512)));
        ByteBuffer head = ByteBuffer.wrap(client.read(8)).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(-22, head.getInt());
        int length = head.getInt();
        assertTrue(length <= 1024, () -> length + " bytes");
        assertTrue(Utf8.decode(client.read(length)).startsWith("No such device found: üü"));
        client.expectEnd();
    }

    @Test
    void aNameThatIsNotUtf8IsRefused() throws IOException {
        RawClient client = server.connectLegacy();
        client.send(new Bytes().u8(3).u8(0).u8(0).u8(0).raw((byte) 0xc3, (byte) 0x28, (byte) 0xff));
        assertEquals(-22, Integer.reverseBytes(ByteBuffer.wrap(client.read(8)).getInt()));
        client.drain();
    }

    // What the old server got wrong

    @Test
    void negotiationsDoNotDisturbEachOther() throws IOException {
        RawClient live = server.connectLegacy().openLegacy("vol0/disk0");
        byte[] data = "kept".getBytes(StandardCharsets.UTF_8);
        assertEquals(0, live.write(0, 0, data).error());
        RawClient half = server.connectLegacy();
        half.send(Arrays.copyOf(Vectors.get("io-nego-request-rw"), 9));
        RawClient second = server.connectLegacy().openLegacy("vol0/disk0");
        assertEquals(0, live.read(0, 4).error());
        assertArrayEquals(data, second.read(0, 4).data());
        RawClient refused = server.connectLegacy();
        hears(refused, "io-nego-request-unknown");
        says(refused, "io-nego-reply-unknown");
        assertArrayEquals(data, live.read(0, 4).data());
        half.send(Arrays.copyOfRange(Vectors.get("io-nego-request-rw"), 9, 14));
        assertArrayEquals(new byte[8], half.read(8));
        assertArrayEquals(data, half.read(0, 4).data());
        // Replies go to whoever asked, though all use one volume.
        Bytes a = new Bytes();
        Bytes b = new Bytes();
        for (int i = 0; i < 100; i++) {
            live.put(a, 0, Nbd.CMD_READ, i, 10);
            second.put(b, 0, Nbd.CMD_READ, i, 10);
        }
        live.send(a);
        second.send(b);
        for (int i = 0; i < 100; i++) {
            assertEquals(0, second.reply().error());
            assertEquals(0, live.reply().error());
        }
    }

    @Test
    void aClientThatIsGoneIsNoticedAtOnce() throws IOException {
        RawClient client = server.connectLegacy().openLegacy("vol0/disk0");
        assertEquals(0, client.read(0, 512).error());
        assertNull(lastOpened().closedClean);
        client.close();
        server.awaitNothingLeft();
        assertEquals(false, lastOpened().closedClean);
    }

    @Test
    void aClientThatIsGoneIsNoticedThoughRequestsRun() throws IOException {
        RawClient client = server.connectLegacy().openLegacy("vol0/held");
        Bytes all = new Bytes();
        client.put(all, 0, Nbd.CMD_READ, 0, 512);
        client.putWrite(all, 0, 512, new byte[512]);
        client.send(all);
        holding.awaitHeld(2);
        client.close();
        Await.until(() -> lastOpened().disconnected, "the export is told that the client has gone");
        assertNull(lastOpened().closedClean, "the export is used while requests run");
        holding.releaseAll();
        server.awaitNothingLeft();
        assertEquals(false, lastOpened().closedClean);
    }

    @Test
    void readsAndWritesPastTheEndAreRefused() throws IOException {
        RawClient client = server.connectLegacy().openLegacy("vol0/disk0");
        assertEquals(22, client.read(1 << 20, 512).error());
        assertEquals(22, client.read((1 << 20) - 511, 512).error());
        assertEquals(28, client.write(0, 1 << 20, new byte[512]).error());
        assertEquals(28, client.write(0, (1 << 20) - 511, new byte[512]).error());
        assertEquals(0, client.read((1 << 20) - 512, 512).error());
    }

    @Test
    void sectorsOf512BytesWork() throws IOException {
        RawClient client = server.connectLegacy().openLegacy("vol0/disk0");
        byte[] data = new byte[512];
        Arrays.fill(data, (byte) 7);
        assertEquals(0, client.write(0, 512, data).error());
        assertArrayEquals(data, client.read(512, 512).data());
    }

    @Test
    void aStopIsNoError() throws IOException {
        RawClient client = server.connectLegacy().openLegacy("vol0/held");
        Bytes all = new Bytes();
        client.put(all, 0, Nbd.CMD_READ, 0, 512);
        client.send(all);
        holding.awaitHeld(1);
        Thread stop = new Thread(server.server::close);
        stop.start();
        holding.releaseAll();
        assertEquals(0, client.reply().error());
        client.expectEnd();
    }

    @Test
    void requestsFollowTheNameInOneSegment() throws IOException {
        RawClient client = server.connectLegacy();
        Bytes all = RawClient.legacyName("vol0/disk0");
        long cookie = client.put(all, 0, Nbd.CMD_READ, 0, 512);
        client.send(all);
        assertArrayEquals(new byte[8], client.read(8));
        assertEquals(cookie, client.reply().cookie());
    }
}
