package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where a client dials I/O. */
final class ClientTest {

    @ParameterizedTest
    @CsvSource({
        // named by the runner, where control was reached, what is dialled
        "'',            192.0.2.1, typed",
        "192.0.2.7,     192.0.2.1, 192.0.2.7",
        "storage,       192.0.2.1, storage",
        "127.0.0.1,     192.0.2.1, typed",
        "127.0.0.9,     192.0.2.1, typed",
        "localhost,     192.0.2.1, typed",
        "::1,           192.0.2.1, typed",
        "127.example,   192.0.2.1, 127.example",
        "0.0.0.0,       127.0.0.1, typed",
        "::,            192.0.2.1, typed",
        "127.0.0.9,     127.0.0.1, 127.0.0.9",
        "localhost,     ::1,       localhost",
    })
    void iOIsDialledWhereItCanBeReached(String named, String control, String dialled) throws UnknownHostException {
        assertEquals(dialled, Client.ioHost(named, InetAddress.getByName(control), "typed"));
    }
}
