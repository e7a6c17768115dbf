package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Accepts connections, a bounded number at once, and serves each on a thread of its own. */
abstract class TcpServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TcpServer.class);
    private static final int BACKLOG = 128;
    private static final long STOP_MS = 5000;
    private static final long AFTER_FAILED_ACCEPT = TimeUnit.MILLISECONDS.toNanos(100);

    private final String name;
    private final ServerSocket listener = new ServerSocket();
    private final Sessions sessions;
    private final Complaints complaints;

    TcpServer(String name, InetSocketAddress address, int maxConnections) throws IOException {
        this.name = name;
        sessions = new Sessions(maxConnections);
        complaints = new Complaints(System::nanoTime, line -> LOG.warn("{}: {}", name, line));
        try {
            listener.setReuseAddress(true);
            listener.bind(address, BACKLOG);
        } catch (IOException e) {
            listener.close();
            throw new IOException(
                    "cannot listen on " + address.getHostString() + ":" + address.getPort() + ": " + e.getMessage(), e);
        }
    }

    final void start() {
        Thread t = new Thread(this::accept, name + "-accept");
        t.setDaemon(true);
        t.start();
    }

    final int port() {
        return listener.getLocalPort();
    }

    /** Serves one client until it leaves. */
    abstract void serve(Sessions.Session session) throws IOException;

    private void accept() {
        while (!listener.isClosed()) {
            try {
                begin(listener.accept());
            } catch (IOException | OutOfMemoryError e) {
                if (!listener.isClosed()) {
                    complaints.add(null, "a connection could not be accepted: " + e);
                    LockSupport.parkNanos(AFTER_FAILED_ACCEPT);
                }
            }
        }
    }

    private void begin(Socket socket) throws IOException {
        Optional<Sessions.Session> admitted = sessions.admit(socket);
        if (admitted.isEmpty()) {
            complaints.add(
                    socket.getInetAddress(),
                    socket.getRemoteSocketAddress() + " is turned away: too many connections run calls");
            socket.close();
            return;
        }
        Sessions.Session session = admitted.get();
        Thread t = new Thread(() -> run(session), name + "-" + socket.getRemoteSocketAddress());
        t.setDaemon(true);
        boolean started = false;
        try {
            t.start();
            started = true;
        } finally {
            if (!started) {
                sessions.end(session);
            }
        }
    }

    private void run(Sessions.Session session) {
        String trouble = "";
        try {
            serve(session);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            trouble = "is cut off: " + e.getMessage();
        } finally {
            if (!sessions.end(session)) {
                trouble = "waited longest for its next call, and lost its place: there are too many connections";
            }
        }
        if (!trouble.isEmpty() && !listener.isClosed()) {
            complaints.add(session.address(), session.socket().getRemoteSocketAddress() + " " + trouble);
        }
    }

    /** Stops; what runs may end, but not at leisure. */
    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            LOG.debug("A socket did not close", e);
        }
        sessions.stop(STOP_MS);
    }
}
