package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;

class SessionsTest {
    private final Sessions sessions = new Sessions(4);

    /** A socket that came from 10.0.0.X. */
    private static Socket from(int x) throws UnknownHostException {
        InetAddress address = InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) x});
        return new Socket() {
            @Override
            public InetAddress getInetAddress() {
                return address;
            }
        };
    }

    private Sessions.Session admit(int x) throws UnknownHostException {
        return sessions.admit(from(x)).orElseThrow();
    }

    private static List<Boolean> closed(Sessions.Session... all) {
        return List.of(all).stream().map(s -> s.socket().isClosed()).toList();
    }

    @Test
    void theLongestIdleOfTheGreediestAddressMakesRoom() throws Exception {
        Sessions.Session modest = admit(1);
        Sessions.Session first = admit(2);
        Sessions.Session second = admit(2);
        Sessions.Session third = admit(2);
        assertTrue(first.beginCall());
        first.endCall(); // has not waited as long as the second, now
        admit(3);
        assertEquals(List.of(false, false, true, false), closed(modest, first, second, third));
        assertFalse(second.beginCall(), "what has no place must not run a call");
        assertFalse(sessions.end(second));
        assertTrue(sessions.end(first));
        admit(4);
        assertEquals(List.of(false, false), closed(modest, third));
    }

    @Test
    void whoRunsACallKeepsItsPlace() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertTrue(admit(1).beginCall());
        }
        Sessions.Session idle = admit(2);
        Sessions.Session last = admit(3);
        assertEquals(List.of(true, false), closed(idle, last));
        assertTrue(last.beginCall());
        assertTrue(sessions.admit(from(4)).isEmpty());
        last.endCall();
        assertTrue(sessions.admit(from(4)).isPresent());
    }

    @Test
    void stoppingIsNotHeldUpForEver() throws Exception {
        Sessions.Session endless = admit(1);
        assertTrue(endless.beginCall());
        Sessions.Session idle = admit(1);
        sessions.stop(10);
        assertEquals(List.of(true, true), closed(endless, idle));
        assertFalse(idle.beginCall());
        assertTrue(sessions.admit(from(1)).isEmpty());
    }
}
