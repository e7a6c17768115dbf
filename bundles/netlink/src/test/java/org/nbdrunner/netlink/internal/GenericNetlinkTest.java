package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

class GenericNetlinkTest {
    private static final int FAMILY = 26;

    private static List<NetlinkMessage> request(String... answers) throws IOException {
        return new GenericNetlink(new ScriptedTransport(answers)).request(FAMILY, 5, 1, a -> {});
    }

    private static String withSequence(String hex, int sequence) {
        ByteBuffer bytes = Golden.bytes(hex);
        return Golden.hex(bytes.putInt(8, sequence));
    }

    @Test
    void findsAFamily() throws IOException {
        ScriptedTransport kernel = new ScriptedTransport(Golden.FAMILY, Golden.ACK);
        GenericNetlink.Family nbd = new GenericNetlink(kernel).family("nbd");
        assertEquals(new GenericNetlink.Family(26, Map.of("nbd_mc_group", 3)), nbd);
        assertEquals(List.of(Golden.plain(Golden.GET_FAMILY)), kernel.sent());
    }

    @Test
    void numbersItsRequests() throws IOException {
        ScriptedTransport kernel = new ScriptedTransport(Golden.ACK, withSequence(Golden.ACK, 2));
        GenericNetlink netlink = new GenericNetlink(kernel);
        netlink.request(FAMILY, 5, 1, a -> {});
        netlink.request(FAMILY, 5, 1, a -> {});
        assertEquals(2, kernel.sent().size());
    }

    @Test
    void passesOverAnswersToOtherRequests() throws IOException {
        for (String stray : List.of(Golden.CONNECTED, Golden.ACK, Golden.CAPPED_REFUSAL)) {
            List<NetlinkMessage> answers = request(
                    withSequence(stray, 7), withSequence(stray, 0), withSequence(Golden.CONNECTED, 1), Golden.ACK);
            assertEquals(1, answers.size());
            assertEquals(1, answers.get(0).sequence());
        }
    }

    @Test
    void takesAnswerAndAcknowledgementInOneDatagram() throws IOException {
        assertEquals(1, request(withSequence(Golden.CONNECTED, 1) + Golden.ACK).size());
    }

    @Test
    void reportsARefusal() {
        NetlinkRefusal e = assertThrows(NetlinkRefusal.class, () -> request(Golden.CAPPED_REFUSAL));
        assertEquals(22, e.errno());
        assertEquals("Attribute failed policy validation", e.getMessage());
    }

    @Test
    void givesUpWithoutAcknowledgement() {
        StorageException e = assertThrows(StorageException.class, () -> request(withSequence(Golden.CONNECTED, 1)));
        assertEquals(Errno.ETIMEDOUT, e.errno());
    }

    @Test
    void givesUpOnAKernelThatNeverEnds() {
        for (String endless : List.of("", withSequence(Golden.CONNECTED, 7), withSequence(Golden.CONNECTED, 1))) {
            NetlinkTransport kernel = new EndlessTransport(endless);
            assertThrows(
                    StorageException.class, () -> new GenericNetlink(kernel).request(FAMILY, 5, 1, a -> {}), endless);
        }
    }

    @Test
    void refusesAnAcknowledgementWithoutAFamily() {
        GenericNetlink netlink = new GenericNetlink(new ScriptedTransport(Golden.ACK));
        assertThrows(StorageException.class, () -> netlink.family("nbd"));
    }

    @Test
    void asksTheKernelOfThisMachine() throws IOException {
        try (GenericNetlink netlink = new GenericNetlink(NetlinkSocket.open())) {
            assertEquals(16, netlink.family("nlctrl").id());
            NetlinkRefusal e = assertThrows(NetlinkRefusal.class, () -> netlink.family("no-such-family"));
            assertEquals(Errno.ENOENT.number(), e.errno());
            assertTrue(netlink.family("nlctrl").groups().containsKey("notify"));
            StorageException timeout =
                    assertThrows(StorageException.class, () -> netlink.receive(Deadline.in(Duration.ofMillis(1))));
            assertEquals(Errno.ETIMEDOUT, timeout.errno());
        }
    }

    private record EndlessTransport(String datagram) implements NetlinkTransport {
        @Override
        public void send(ByteBuffer bytes, Deadline deadline) {}

        @Override
        public ByteBuffer receive(Deadline deadline) {
            return Golden.bytes(datagram);
        }

        @Override
        public void join(int group) {}

        @Override
        public void close() {}
    }
}
