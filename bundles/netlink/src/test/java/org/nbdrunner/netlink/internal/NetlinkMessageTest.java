package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetlinkMessageTest {

    private static NetlinkMessage only(String hex) throws IOException {
        List<NetlinkMessage> messages = NetlinkMessage.parse(Golden.bytes(hex));
        assertEquals(1, messages.size());
        return messages.get(0);
    }

    @Test
    void readsTheAnswerOfAFamily() throws IOException {
        NetlinkMessage m = only(Golden.CONNECTED);
        assertEquals(26, m.type());
        assertEquals(2, m.sequence());
        assertEquals(1, m.command());
        assertEquals(3, m.attributes().u32(1));
    }

    @Test
    void readsNestedAttributes() throws IOException {
        Attributes family = only(Golden.FAMILY).attributes();
        assertEquals(26, family.u16(1));
        assertEquals("nbd", family.string(2).orElseThrow());
        List<Attributes> groups = family.nested(7).list();
        assertEquals(1, groups.size());
        assertEquals("nbd_mc_group", groups.get(0).string(1).orElseThrow());
        assertEquals(3, groups.get(0).u32(2));
        assertEquals(4, family.nested(6).list().size());
        assertTrue(family.nested(99).list().isEmpty());
    }

    @Test
    void readsAnAcknowledgement() throws IOException {
        NetlinkMessage m = only(Golden.ACK);
        assertEquals(Netlink.NLMSG_ERROR, m.type());
        assertEquals(0, m.errno());
        assertEquals("", m.words());
    }

    @ParameterizedTest
    @ValueSource(strings = {Golden.CAPPED_REFUSAL, Golden.REFUSAL})
    void readsARefusalInWords(String hex) throws IOException {
        NetlinkMessage m = only(hex);
        assertEquals(22, m.errno());
        assertEquals("Attribute failed policy validation", m.words());
    }

    @Test
    void readsSeveralMessagesOfOneDatagram() throws IOException {
        List<NetlinkMessage> messages = NetlinkMessage.parse(Golden.bytes(Golden.CONNECTED + Golden.ACK));
        assertEquals(List.of(26, 2), messages.stream().map(NetlinkMessage::type).toList());
    }

    @Test
    void refusesAMessageThatIsCutOff() {
        ByteBuffer whole = Golden.bytes(Golden.CONNECTED);
        for (int length = 1; length < whole.limit(); length++) {
            ByteBuffer cut = whole.duplicate().limit(length).slice();
            assertThrows(IOException.class, () -> NetlinkMessage.parse(cut), "cut to " + length);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // Lengths of the message: 0, below the header, negative, beyond the end.
                "00000000 1a00 0000 00000000 00000000",
                "0f000000 1a00 0000 00000000 00000000",
                "ffffffff 1a00 0000 00000000 00000000",
                "14000000 1a00 0000 00000000 00000000",
            })
    void refusesAWrongLength(String hex) {
        assertThrows(IOException.class, () -> NetlinkMessage.parse(Golden.bytes(hex)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // Lengths of the attribute: 0, below the header, beyond the end; half a header; a number in too few
                // bytes; none.
                "0000 0100 00000000",
                "0300 0100 00000000",
                "0900 0100 00000000",
                "0800",
                "0600 0100 00000000",
                "",
            })
    void refusesAWrongAttribute(String hex) {
        ByteBuffer bytes = Golden.bytes(hex);
        assertThrows(IOException.class, () -> Attributes.parse(bytes).u32(1));
    }

    @Test
    void refusesAPayloadThatIsTooShort() throws IOException {
        NetlinkMessage bare = only("10000000 0200 0003 00000000 00000000");
        assertThrows(IOException.class, bare::command);
        assertThrows(IOException.class, bare::attributes);
        assertThrows(IOException.class, bare::errno);
        assertThrows(IOException.class, bare::words);
        NetlinkMessage wrong = only("18000000 0200 0002 00000000 00000000 eaffffff ffffff7f");
        assertThrows(IOException.class, wrong::words);
    }

    @Test
    void anyBytesAreReadOrRefused() {
        Random random = new Random(42);
        for (int i = 0; i < 100_000; i++) {
            String golden = List.of(Golden.FAMILY, Golden.CAPPED_REFUSAL, Golden.REFUSAL)
                    .get(i % 3);
            ByteBuffer bytes = Golden.bytes(golden);
            for (int flips = random.nextInt(1, 8); flips > 0; flips--) {
                bytes.put(random.nextInt(bytes.limit()), (byte) random.nextInt());
            }
            bytes.limit(random.nextInt(bytes.limit() + 1));
            try {
                for (NetlinkMessage m : NetlinkMessage.parse(bytes)) {
                    m.errno();
                    m.words();
                    m.command();
                    m.attributes().nested(7).list();
                }
            } catch (IOException e) {
                assertTrue(e.getMessage().startsWith("the kernel's netlink message"), e.getMessage());
            }
        }
    }
}
