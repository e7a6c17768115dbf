package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Makes connections to a runner that are ready for NBD's transmission phase. */
public final class Dialer {
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int IPPROTO_TCP = 6;
    private static final int SO_KEEPALIVE = 9;
    private static final int TCP_NODELAY = 1;
    private static final int TCP_KEEPIDLE = 4;
    private static final int TCP_KEEPINTVL = 5;
    private static final int TCP_KEEPCNT = 6;

    private final Duration connectTime;
    private final Duration negotiateTime;

    /**
     * A dialer.
     *
     * @param connectTime the longest that connecting may take, over all addresses of a host
     * @param negotiateTime the longest that negotiating may take
     */
    public Dialer(Duration connectTime, Duration negotiateTime) {
        this.connectTime = connectTime;
        this.negotiateTime = negotiateTime;
    }

    /**
     * Connects and negotiates.
     *
     * @param host the runner's name or address
     * @param port its port for I/O
     * @param cfgstring what to ask for
     * @return a connection; the caller closes it
     * @throws IOException if there is none to be had
     */
    public NativeSocket dial(String host, int port, String cfgstring) throws IOException {
        NativeSocket socket = connect(host, port);
        try {
            LegacyNegotiation.run(socket, name(host, port), cfgstring, Deadline.in(negotiateTime));
            return socket;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private NativeSocket connect(String host, int port) throws StorageException {
        InetAddress[] addresses;
        try {
            addresses = InetAddress.getAllByName(host);
        } catch (UnknownHostException e) {
            throw new StorageException(Errno.EHOSTUNREACH, "there is no host " + host + ": check the name", e);
        }
        Deadline deadline = Deadline.in(connectTime);
        StorageException failure = null;
        for (int i = 0; i < addresses.length; i++) {
            try {
                return connect(addresses[i], port, name(host, port), deadline.share(addresses.length - i));
            } catch (StorageException e) {
                failure = e;
            }
        }
        throw new StorageException(
                failure.errno(), failure.getMessage() + "; does a runner serve there, and may it be reached?", failure);
    }

    private static NativeSocket connect(InetAddress address, int port, String peer, Deadline deadline)
            throws StorageException {
        int domain = address instanceof Inet6Address ? AF_INET6 : AF_INET;
        NativeSocket socket = NativeSocket.open(domain, NativeSocket.SOCK_STREAM, IPPROTO_TCP, peer);
        try {
            socket.setOption(IPPROTO_TCP, TCP_NODELAY, 1);
            // A peer that vanished is noticed within 35 s, also when no I/O is due.
            socket.setOption(NativeSocket.SOL_SOCKET, SO_KEEPALIVE, 1);
            socket.setOption(IPPROTO_TCP, TCP_KEEPIDLE, 20);
            socket.setOption(IPPROTO_TCP, TCP_KEEPINTVL, 5);
            socket.setOption(IPPROTO_TCP, TCP_KEEPCNT, 3);
            socket.connect(socketAddress(address, port), deadline);
            return socket;
        } catch (StorageException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** A {@code sockaddr_in} or {@code sockaddr_in6}: family and scope in native order, the port in the network's. */
    static ByteBuffer socketAddress(InetAddress address, int port) {
        boolean six = address instanceof Inet6Address;
        ByteBuffer b = ByteBuffer.allocate(six ? 28 : 16).order(ByteOrder.nativeOrder());
        b.putShort((short) (six ? AF_INET6 : AF_INET));
        b.put((byte) (port >> 8)).put((byte) port);
        if (six) {
            b.putInt(0).put(address.getAddress()).putInt(((Inet6Address) address).getScopeId());
        } else {
            b.put(address.getAddress());
        }
        return b.clear();
    }

    private static String name(String host, int port) {
        return host.indexOf(':') < 0 ? host + ":" + port : "[" + host + "]:" + port;
    }
}
