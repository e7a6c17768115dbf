package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.nbdrunner.engine.internal.handshake.Handshake;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.SocketTransport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The listeners and their connections. For use by any thread. */
public final class NbdServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NbdServer.class);
    private static final int BACKLOG = 1024;
    private static final long POOL_BYTES_PER_SIZE = 32 << 20;
    private static final long WATCH_MS = 500;
    private static final long AFTER_FAILED_ACCEPT = TimeUnit.MILLISECONDS.toNanos(100);

    private final EngineSettings settings;
    private final ChunkPool pool = new ChunkPool(POOL_BYTES_PER_SIZE);
    private final ScheduledExecutorService timer;
    private final Future<?> watch;
    private final List<ServerSocketChannel> listeners = new ArrayList<>();

    /** Guarded by itself. */
    private final Set<Connection> connections = new HashSet<>();

    private boolean closing;

    /**
     * A server that listens nowhere yet.
     *
     * @param settings limits
     */
    public NbdServer(EngineSettings settings) {
        this.settings = settings;
        timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread t = new Thread(task, "nbd-timer");
            t.setDaemon(true);
            return t;
        });
        watch = timer.scheduleWithFixedDelay(this::look, WATCH_MS, WATCH_MS, TimeUnit.MILLISECONDS);
    }

    /** Looks after all connections; the timer does it now and then. */
    synchronized void look() {
        List<Connection> open;
        synchronized (connections) {
            open = List.copyOf(connections);
        }
        long now = System.nanoTime();
        for (Connection c : open) {
            c.look(now);
        }
    }

    /**
     * Begins to listen.
     *
     * @param address a TCP address, of which port 0 means any free port, or a Unix-domain one
     * @param handshake makes the handshake of each connection
     * @return where it listens
     * @throws IOException if it cannot; the message names the address
     */
    public SocketAddress listen(SocketAddress address, Supplier<Handshake> handshake) throws IOException {
        ServerSocketChannel listener = address instanceof UnixDomainSocketAddress
                ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                : ServerSocketChannel.open();
        try {
            if (address instanceof InetSocketAddress) {
                listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            }
            listener.bind(address, BACKLOG);
        } catch (IOException | RuntimeException e) {
            listener.close();
            String why = e instanceof BindException || e.getMessage() != null ? e.getMessage() : e.toString();
            throw new IOException("cannot listen on " + name(address) + ": " + why, e);
        }
        serve(listener, handshake);
        return listener.getLocalAddress();
    }

    /**
     * Accepts connections of a listener that is bound already.
     *
     * @param listener closed with this server
     * @param handshake makes the handshake of each connection
     * @throws IOException if it is closed
     */
    public void serve(ServerSocketChannel listener, Supplier<Handshake> handshake) throws IOException {
        listener.configureBlocking(true);
        String name = name(listener.getLocalAddress());
        synchronized (connections) {
            listeners.add(listener);
        }
        Thread t = new Thread(() -> accept(listener, handshake), "nbd-accept-" + name);
        t.setDaemon(true);
        t.start();
    }

    /**
     * Serves a client that is connected already.
     *
     * @param client closed when it is served
     * @param handshake makes its handshake
     * @throws IOException if it is closed
     */
    public void serve(SocketChannel client, Supplier<Handshake> handshake) throws IOException {
        begin(client, handshake);
    }

    private static String name(SocketAddress address) {
        return address instanceof InetSocketAddress inet
                ? inet.getHostString() + ":" + inet.getPort()
                : address.toString();
    }

    private void accept(ServerSocketChannel listener, Supplier<Handshake> handshake) {
        while (listener.isOpen()) {
            try {
                begin(listener.accept(), handshake);
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | OutOfMemoryError e) {
                // Out of descriptors, threads or memory: what is served already goes on; try again when some may be
                // free.
                LOG.error("A connection could not be accepted: {}", e.toString());
                LockSupport.parkNanos(AFTER_FAILED_ACCEPT);
            }
        }
    }

    private void begin(SocketChannel channel, Supplier<Handshake> handshake) throws IOException {
        SocketTransport transport;
        try {
            transport = new SocketTransport(channel);
        } catch (IOException e) {
            channel.close(); // it was reset before it was looked at
            return;
        }
        Connection connection = new Connection(transport, handshake.get(), settings, pool, timer);
        boolean welcome;
        synchronized (connections) {
            welcome = !closing && connections.size() < settings.maxConnections();
            if (welcome) {
                connections.add(connection);
            }
        }
        if (!welcome) {
            LOG.warn("{} is turned away: there are {} connections", transport.peer(), settings.maxConnections());
            transport.close();
            return;
        }
        boolean started = false;
        try {
            Thread t = new Thread(() -> run(connection), "nbd-" + transport.peer());
            t.setDaemon(true);
            t.start();
            started = true;
        } finally {
            if (!started) {
                transport.close();
                ended(connection);
            }
        }
    }

    private void run(Connection connection) {
        try {
            connection.run();
        } finally {
            ended(connection);
        }
    }

    private void ended(Connection connection) {
        synchronized (connections) {
            connections.remove(connection);
            connections.notifyAll();
        }
    }

    /**
     * How many connections there are.
     *
     * @return a momentary number
     */
    public int connections() {
        synchronized (connections) {
            return connections.size();
        }
    }

    /** Where the buffers of all connections come from. */
    ChunkPool pool() {
        return pool;
    }

    /** Accepts no more, reads no more, answers what is in flight, for as long as the settings allow, and closes. */
    @Override
    public void close() {
        List<Connection> open;
        synchronized (connections) {
            closing = true;
            for (ServerSocketChannel listener : listeners) {
                try {
                    listener.close();
                } catch (IOException e) {
                    LOG.debug("A listener did not close", e);
                }
            }
            listeners.clear();
            open = List.copyOf(connections);
        }
        open.forEach(Connection::finish);
        if (!awaitEnd(settings.drainTimeout().toNanos())) {
            synchronized (connections) {
                open = List.copyOf(connections);
            }
            LOG.warn("Connections that are cut off because they have requests that do not end: {}", open.size());
            open.forEach(Connection::abandon);
            awaitEnd(TimeUnit.SECONDS.toNanos(2));
        }
        watch.cancel(false);
        timer.shutdownNow();
    }

    private boolean awaitEnd(long nanos) {
        long deadline = System.nanoTime() + nanos;
        boolean interrupted = false;
        synchronized (connections) {
            while (!connections.isEmpty()) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    break;
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(connections, left);
                } catch (InterruptedException e) {
                    interrupted = true;
                    break;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return connections.isEmpty();
        }
    }
}
