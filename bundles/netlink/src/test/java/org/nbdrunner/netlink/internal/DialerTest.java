package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.MapRequest;
import org.nbdrunner.netlink.guest.MemoryRunner;

class DialerTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration SHORT = Duration.ofMillis(100);
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    private long descriptors;

    @BeforeEach
    void countDescriptors() throws IOException {
        Native.libc();
        descriptors = sockets();
    }

    /** The other sides close theirs when they notice. */
    @AfterEach
    void nothingIsLeftOpen() throws IOException {
        assertTrue(Await.until(() -> sockets() == descriptors, Duration.ofSeconds(10)), "sockets are left open");
    }

    private static long sockets() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.filter(DialerTest::isSocket).count();
        }
    }

    private static boolean isSocket(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void connectsAndNegotiates() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, LOOPBACK)) {
            CompletableFuture<byte[]> heard = CompletableFuture.supplyAsync(() -> {
                try (Socket s = listener.accept()) {
                    byte[] request = s.getInputStream().readNBytes(5);
                    s.getOutputStream().write(new byte[8]);
                    byte[] more = s.getInputStream().readNBytes(3);
                    s.getOutputStream().write(more);
                    return request;
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            try (NativeSocket socket = new Dialer(LONG, LONG).dial("localhost", listener.getLocalPort(), "a")) {
                Deadline deadline = Deadline.in(LONG);
                socket.write(ByteBuffer.wrap(new byte[] {7, 8, 9}), deadline);
                ByteBuffer echo = ByteBuffer.allocate(3);
                socket.readFully(echo, deadline);
                assertEquals(ByteBuffer.wrap(new byte[] {7, 8, 9}), echo.flip());
                StorageException e =
                        assertThrows(StorageException.class, () -> socket.readFully(ByteBuffer.allocate(1), deadline));
                assertEquals(Errno.ENOTCONN, e.errno());
            }
            assertEquals(ByteBuffer.wrap(new byte[] {1, 0, 0, 0, 'a'}), ByteBuffer.wrap(heard.get()));
        }
    }

    @Test
    void namesWhoRefuses() throws IOException {
        int port;
        try (ServerSocket listener = new ServerSocket(0, 1, LOOPBACK)) {
            port = listener.getLocalPort();
        }
        StorageException e =
                assertThrows(StorageException.class, () -> new Dialer(LONG, LONG).dial("127.0.0.1", port, "a"));
        assertEquals(Errno.ECONNREFUSED, e.errno());
        assertTrue(
                e.getMessage().contains("127.0.0.1:" + port + ": Connection refused; does a runner"), e.getMessage());
    }

    @Test
    void namesAnUnknownHost() {
        StorageException e =
                assertThrows(StorageException.class, () -> new Dialer(LONG, LONG).dial("no such host", 1, "a"));
        assertEquals(Errno.EHOSTUNREACH, e.errno());
        assertTrue(e.getMessage().contains("no such host"), e.getMessage());
    }

    @Test
    void givesUpOnASilentRunner() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, LOOPBACK)) {
            StorageException e = assertThrows(
                    StorageException.class,
                    () -> new Dialer(LONG, SHORT).dial("localhost", silent.getLocalPort(), "a"));
            assertEquals(Errno.ETIMEDOUT, e.errno());
        }
    }

    @Test
    void givesUpOnARunnerThatNeverEnds() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, LOOPBACK)) {
            AtomicBoolean cut = new AtomicBoolean();
            Thread drip = new Thread(() -> {
                try (Socket s = listener.accept();
                        InputStream in = s.getInputStream();
                        OutputStream out = s.getOutputStream()) {
                    in.readNBytes(5);
                    out.write(new byte[] {-22, -1, -1, -1, 0, 0, 1, 0});
                    while (true) {
                        out.write('x');
                        Thread.sleep(1);
                    }
                } catch (IOException e) {
                    cut.set(true);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            drip.setDaemon(true);
            drip.start();
            StorageException e = assertThrows(
                    StorageException.class,
                    () -> new Dialer(LONG, SHORT).dial("localhost", listener.getLocalPort(), "a"));
            assertEquals(Errno.ETIMEDOUT, e.errno());
            assertTrue(Await.until(cut::get, LONG), "the connection stays open");
        }
    }

    @Test
    void closesTheFirstConnectionsWhenALaterOneFails() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, LOOPBACK)) {
            Thread once = new Thread(() -> {
                try (Socket served = listener.accept()) {
                    served.getInputStream().readNBytes(5);
                    served.getOutputStream().write(new byte[8]);
                    listener.accept().close();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            once.setDaemon(true);
            once.start();
            MapRequest three =
                    new MapRequest("localhost", listener.getLocalPort(), "a", "", 512, 512, 0x101, false, 0, 0, 3, "");
            assertThrows(StorageException.class, () -> Connections.open(new Dialer(LONG, LONG), three));
            once.join(LONG.toMillis());
        }
    }

    @Test
    void makesSeveralConnectionsOnlyIfTheExportAllows() throws IOException {
        try (MemoryRunner runner = new MemoryRunner("a", 512).start()) {
            for (int flags : List.of(0x1, 0x101)) {
                MapRequest three =
                        new MapRequest("localhost", runner.port(), "a", "", 512, 512, flags, false, 0, 0, 3, "");
                try (Connections connections = Connections.open(new Dialer(LONG, LONG), three)) {
                    assertEquals(flags == 1 ? 1 : 3, connections.descriptors().size());
                    assertEquals(connections.descriptors(), connections.untaken());
                }
            }
        }
    }

    @Test
    void writesAddressesAsTheSystemWantsThem() throws IOException {
        InetAddress four = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        assertEquals(
                Golden.plain("0200 5e2f 7f000001 0000000000000000"), Golden.hex(Dialer.socketAddress(four, 24111)));
        byte[] local = {(byte) 0xfe, (byte) 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        InetAddress six = Inet6Address.getByAddress(null, local, 2);
        assertEquals(
                Golden.plain("0a00 5e2f 00000000 fe800000000000000000000000000001 02000000"),
                Golden.hex(Dialer.socketAddress(six, 24111)));
    }
}
