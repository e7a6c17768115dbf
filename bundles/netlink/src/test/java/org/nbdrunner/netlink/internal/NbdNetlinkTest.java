package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.MapRequest;

class NbdNetlinkTest {
    private static final MapRequest PLAIN = request("", 0xd6d, false, 0, 0);

    /** The acknowledgement of the first request after the question for the family. */
    private static final String ACK = Golden.plain(Golden.ACK).replaceFirst("01000000", "02000000");

    private static MapRequest request(String identifier, int flags, boolean readOnly, int timeout, int deadTimeout) {
        return new MapRequest("host", 1, "a", "", 1 << 20, 512, flags, readOnly, timeout, deadTimeout, 1, identifier);
    }

    private static ScriptedTransport kernel(String... answers) {
        String[] all = new String[answers.length + 2];
        all[0] = Golden.FAMILY;
        all[1] = Golden.ACK;
        System.arraycopy(answers, 0, all, 2, answers.length);
        return new ScriptedTransport(all);
    }

    private static NbdNetlink open(ScriptedTransport kernel) throws IOException {
        return NbdNetlink.open(() -> kernel);
    }

    private static String refusal(int errno) {
        ByteBuffer bytes = Golden.bytes(ACK);
        return Golden.hex(bytes.putInt(16, -errno));
    }

    private static void assertSent(String expected, ScriptedTransport kernel) {
        assertEquals(Golden.plain(expected), kernel.sent().get(1));
    }

    @Test
    void connects() throws IOException {
        ScriptedTransport kernel = kernel(Golden.CONNECTED, ACK);
        assertEquals(3, open(kernel).connect(OptionalInt.of(3), PLAIN, List.of(3)));
        assertSent(Golden.CONNECT, kernel);
    }

    @Test
    void connectsAnyDeviceWithEverything() throws IOException {
        ScriptedTransport kernel = kernel(Golden.CONNECTED, ACK);
        open(kernel).connect(OptionalInt.empty(), request("file/a", 0x10c, true, 3, 60), List.of(5, 6));
        assertSent("""
                78000000 1a00 0500 02000000 00000000
                01 01 0000
                0c00 0200 0000100000000000
                0c00 0300 0002000000000000
                0c00 0500 0f01000000000000
                0c00 0400 0300000000000000
                0c00 0800 3c00000000000000
                0b00 0a00 66696c652f61 00 00
                1c00 0780
                0c00 0180 0800 0100 05000000
                0c00 0180 0800 0100 06000000""", kernel);
    }

    @Test
    void aLongIdentifierFits() throws IOException {
        ScriptedTransport kernel = kernel(Golden.CONNECTED, ACK);
        open(kernel).connect(OptionalInt.of(3), request("x".repeat(1000), 1, false, 0, 0), List.of(3));
        ByteBuffer sent = Golden.bytes(kernel.sent().get(1));
        NetlinkMessage m = NetlinkMessage.parse(sent).get(0);
        assertEquals("x".repeat(1000), m.attributes().string(10).orElseThrow());
        assertEquals(3, m.attributes().nested(7).list().get(0).u32(1));
    }

    @Test
    void refusesAMappingWithoutADevice() throws IOException {
        NbdNetlink nbd = open(kernel(ACK));
        assertThrows(StorageException.class, () -> nbd.connect(OptionalInt.empty(), PLAIN, List.of(3)));
    }

    @Test
    void reconnects() throws IOException {
        ScriptedTransport kernel = kernel(ACK);
        open(kernel).reconnect(3, request("file/a", 0xd6d, false, 3, 60), List.of(5));
        assertSent("""
                50000000 1a00 0500 02000000 00000000
                03 01 0000
                0800 0100 03000000
                0c00 0400 0300000000000000
                0c00 0800 3c00000000000000
                0b00 0a00 66696c652f61 00 00
                1000 0780 0c00 0180 0800 0100 05000000""", kernel);
    }

    @Test
    void resizes() throws IOException {
        ScriptedTransport kernel = kernel(ACK);
        open(kernel).resize(3, 4096, "a");
        assertSent("""
                30000000 1a00 0500 02000000 00000000
                03 01 0000
                0800 0100 03000000
                0c00 0200 0010000000000000
                0600 0a00 61 00 0000""", kernel);
    }

    @Test
    void disconnects() throws IOException {
        ScriptedTransport kernel = kernel(ACK);
        open(kernel).disconnect(3);
        assertSent("1c000000 1a00 0500 02000000 00000000 02 01 0000 0800 0100 03000000", kernel);
    }

    @ParameterizedTest
    @CsvSource({"3, true", "4, false", "5, false"})
    void tellsWhetherADeviceIsEngaged(int index, boolean engaged) throws IOException {
        String status = """
                40000000 1a00 0000 02000000 00000000
                05 01 0000
                2c00 0900
                1400 0100 0800 0100 03000000 0500 0200 01 000000
                1400 0100 0800 0100 04000000 0500 0200 00 000000""";
        assertEquals(engaged, open(kernel(status, ACK)).engaged(index));
    }

    @ParameterizedTest
    @CsvSource({
        "1, EPERM, root (CAP_SYS_ADMIN)",
        "2, ENODEV, modprobe nbd",
        "16, EBUSY, mapped already",
        "19, ENODEV, no such device",
        "22, EINVAL, 1048576 bytes in blocks of 512 over 1 connection",
        "12, ENOMEM, Cannot allocate memory",
        "74, EIO, Bad message",
    })
    void explainsARefusal(int number, Errno errno, String words) throws IOException {
        NbdNetlink nbd = open(kernel(refusal(number)));
        StorageException e =
                assertThrows(StorageException.class, () -> nbd.connect(OptionalInt.of(3), PLAIN, List.of(3)));
        assertEquals(errno, e.errno());
        assertTrue(e.getMessage().contains(words), e.getMessage());
        assertTrue(e.getMessage().contains("/dev/nbd3"), e.getMessage());
    }

    @Test
    void repeatsTheKernelsWords() throws IOException {
        String refusal = Golden.plain(Golden.CAPPED_REFUSAL).replaceFirst("01000000", "02000000");
        NbdNetlink nbd = open(kernel(refusal));
        StorageException e = assertThrows(StorageException.class, () -> nbd.disconnect(3));
        assertTrue(e.getMessage().endsWith("(Attribute failed policy validation)"), e.getMessage());
    }

    @Test
    void namesTheRemedyForAMissingModule() {
        ScriptedTransport kernel =
                new ScriptedTransport(Golden.hex(Golden.bytes(Golden.ACK).putInt(16, -Errno.ENOENT.number())));
        StorageException e = assertThrows(StorageException.class, () -> open(kernel));
        assertEquals(Errno.ENODEV, e.errno());
        assertTrue(e.getMessage().contains("modprobe nbd"), e.getMessage());
        assertTrue(kernel.closed());
    }

    @Test
    void hearsOfDeadConnections() throws IOException {
        ScriptedTransport kernel = kernel(Golden.LINK_DEAD, Golden.CONNECTED, Golden.LINK_DEAD + Golden.LINK_DEAD);
        NbdNetlink nbd = open(kernel);
        nbd.listen();
        assertEquals(List.of(3), kernel.groups());
        Deadline deadline = Deadline.in(Duration.ofSeconds(1));
        assertEquals(List.of(3), nbd.deadLinks(deadline));
        assertEquals(List.of(), nbd.deadLinks(deadline));
        assertEquals(List.of(3, 3), nbd.deadLinks(deadline));
        assertThrows(StorageException.class, () -> nbd.deadLinks(deadline));
    }
}
