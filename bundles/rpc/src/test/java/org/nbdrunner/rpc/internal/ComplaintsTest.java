package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ComplaintsTest {
    private final List<String> lines = new ArrayList<>();
    private long now;
    private final Complaints complaints = new Complaints(() -> now, lines::add);

    private static InetAddress address(int i) throws UnknownHostException {
        return InetAddress.getByAddress(new byte[] {10, 0, (byte) (i >> 8), (byte) i});
    }

    @Test
    void oneAddressDoesNotHideAnother() throws Exception {
        complaints.add(address(1), "a");
        complaints.add(address(1), "b");
        complaints.add(address(1), "c");
        complaints.add(address(2), "d");
        assertEquals(List.of("a", "d"), lines);
        now += Complaints.EVERY_NANOS;
        complaints.add(address(1), "e");
        complaints.add(address(2), "f");
        assertEquals(List.of("a", "d", "e (2 like it before)", "f"), lines);
    }

    @Test
    void countlessAddressesShareTheirLines() throws Exception {
        for (int i = 0; i < 10 * Complaints.MAX_ADDRESSES; i++) {
            complaints.add(address(i), "x");
        }
        assertEquals(Complaints.MAX_ADDRESSES + 1, lines.size());
        now += Complaints.EVERY_NANOS;
        complaints.add(address(5000), "y"); // what is old is forgotten
        complaints.add(address(5001), "z");
        assertEquals(List.of("y", "z"), lines.subList(lines.size() - 2, lines.size()));
    }
}
