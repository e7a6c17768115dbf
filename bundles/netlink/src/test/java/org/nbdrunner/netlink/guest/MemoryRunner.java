package org.nbdrunner.netlink.guest;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The I/O side of a runner, as small as it can be: one disk in memory, many connections. Can die and come back with its disk. */
public final class MemoryRunner implements Closeable {
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int DISC = 2;
    private static final int FLUSH = 3;
    private static final int FUA = 1;
    private static final int EINVAL = 22;

    private final String cfgstring;
    private final byte[] disk;
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
    private final AtomicInteger flushes = new AtomicInteger();
    private final AtomicInteger forced = new AtomicInteger();
    private final AtomicInteger goodbyes = new AtomicInteger();
    private ServerSocket listener;
    private int port;

    /**
     * A runner that is not listening yet.
     *
     * @param cfgstring the only name that it serves
     * @param size of the disk in bytes
     */
    public MemoryRunner(String cfgstring, int size) {
        this.cfgstring = cfgstring;
        disk = new byte[size];
    }

    /**
     * Begins to listen on loopback, on the same port every time.
     *
     * @return this
     * @throws IOException if the port is taken
     */
    public MemoryRunner start() throws IOException {
        listener = new ServerSocket();
        listener.setReuseAddress(true);
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        port = listener.getLocalPort();
        ServerSocket current = listener;
        daemon(() -> accept(current));
        return this;
    }

    /** Dies: no more listening, all connections are cut. */
    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket s : connections) {
            s.close();
        }
    }

    /** Cuts one connection. */
    void cutOne() throws IOException {
        connections.iterator().next().close();
    }

    /**
     * Where it listens.
     *
     * @return on loopback
     */
    public int port() {
        return port;
    }

    /**
     * How many clients there are.
     *
     * @return their connections
     */
    public int connections() {
        return connections.size();
    }

    int flushes() {
        return flushes.get();
    }

    int forced() {
        return forced.get();
    }

    int goodbyes() {
        return goodbyes.get();
    }

    byte[] content(int offset, int length) {
        synchronized (disk) {
            return Arrays.copyOfRange(disk, offset, offset + length);
        }
    }

    private static void daemon(Runnable r) {
        Thread t = new Thread(r, "memory-runner");
        t.setDaemon(true);
        t.start();
    }

    private void accept(ServerSocket socket) {
        try {
            while (true) {
                Socket s = socket.accept();
                connections.add(s);
                daemon(() -> serve(s));
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            if (negotiate(in, out)) {
                while (answer(in, out)) {}
            }
        } catch (IOException e) {
            // Cut.
        } finally {
            connections.remove(socket);
        }
    }

    private boolean negotiate(DataInputStream in, DataOutputStream out) throws IOException {
        int length =
                ByteBuffer.wrap(in.readNBytes(4)).order(ByteOrder.nativeOrder()).getInt();
        boolean known = new String(in.readNBytes(length), StandardCharsets.UTF_8).equals(cfgstring);
        byte[] text = known ? new byte[0] : "no such backstore".getBytes(StandardCharsets.UTF_8);
        out.write(ByteBuffer.allocate(8 + text.length)
                .order(ByteOrder.nativeOrder())
                .putInt(known ? 0 : -EINVAL)
                .putInt(text.length)
                .put(text)
                .array());
        return known;
    }

    private boolean answer(DataInputStream in, DataOutputStream out) throws IOException {
        if (in.readInt() != REQUEST_MAGIC) {
            throw new EOFException("not a request");
        }
        int flags = in.readUnsignedShort();
        int type = in.readUnsignedShort();
        long cookie = in.readLong();
        long offset = in.readLong();
        int length = in.readInt();
        byte[] written = type == WRITE ? in.readNBytes(length) : new byte[0];
        if (type == DISC) {
            goodbyes.incrementAndGet();
            return false;
        }
        boolean ok = type <= FLUSH && offset >= 0 && offset + length <= disk.length;
        ByteBuffer reply = ByteBuffer.allocate(16 + (ok && type == READ ? length : 0));
        reply.putInt(REPLY_MAGIC).putInt(ok ? 0 : EINVAL).putLong(cookie);
        synchronized (disk) {
            if (ok && type == READ) {
                reply.put(disk, (int) offset, length);
            } else if (ok && type == WRITE) {
                System.arraycopy(written, 0, disk, (int) offset, length);
                forced.addAndGet(flags & FUA);
            } else if (type == FLUSH) {
                flushes.incrementAndGet();
            }
        }
        out.write(reply.array());
        return true;
    }
}
