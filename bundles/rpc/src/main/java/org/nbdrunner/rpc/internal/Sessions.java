package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a server, a bounded number of them. When all places are taken, a new connection gets the place of the one that has
 * waited longest for its next call, among those of the address that holds most: silence never keeps anybody out. For use by any thread.
 */
final class Sessions {
    private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

    /** One connection. */
    final class Session {
        private final Socket socket;
        private final InetAddress address;
        private long waitingSince = System.nanoTime();
        private boolean calling;

        private Session(Socket socket) {
            this.socket = socket;
            this.address = socket.getInetAddress();
        }

        Socket socket() {
            return socket;
        }

        InetAddress address() {
            return address;
        }

        /**
         * A call has come: the place is safe until {@link #endCall}.
         *
         * @return false if the place is lost, or the server stops: then the call shall not be run
         */
        boolean beginCall() {
            synchronized (Sessions.this) {
                calling = !stopping && open.contains(this);
                return calling;
            }
        }

        /** The call is answered. */
        void endCall() {
            synchronized (Sessions.this) {
                calling = false;
                waitingSince = System.nanoTime();
                Sessions.this.notifyAll();
            }
        }

        private void close() {
            try {
                socket.close();
            } catch (IOException e) {
                LOG.debug("A socket did not close", e);
            }
        }
    }

    private final int max;
    private final Set<Session> open = new LinkedHashSet<>();
    private boolean stopping;

    /**
     * None yet.
     *
     * @param max places, at least 1
     */
    Sessions(int max) {
        this.max = max;
    }

    /**
     * Gives a connection a place.
     *
     * @param socket connected
     * @return its session; none if all others run calls, or the server stops
     */
    synchronized Optional<Session> admit(Socket socket) {
        if (stopping) {
            return Optional.empty();
        }
        if (open.size() >= max) {
            Optional<Session> idle = mostDispensable();
            if (idle.isEmpty()) {
                return Optional.empty();
            }
            open.remove(idle.get());
            idle.get().close();
        }
        Session session = new Session(socket);
        open.add(session);
        return Optional.of(session);
    }

    private Optional<Session> mostDispensable() {
        Map<InetAddress, Long> held =
                open.stream().collect(Collectors.groupingBy(Session::address, Collectors.counting()));
        long now = System.nanoTime();
        return open.stream()
                .filter(s -> !s.calling)
                .max(Comparator.<Session>comparingLong(s -> held.get(s.address))
                        .thenComparingLong(s -> now - s.waitingSince));
    }

    /**
     * Closes a connection and gives its place back.
     *
     * @return false if another connection has got the place before
     */
    synchronized boolean end(Session session) {
        session.close();
        boolean held = open.remove(session);
        notifyAll();
        return held;
    }

    /**
     * Admits nobody any more, closes connections that wait, lets calls that run be answered, and closes the rest.
     *
     * @param patienceMs how long calls may run on
     */
    synchronized void stop(long patienceMs) {
        stopping = true;
        open.stream().filter(s -> !s.calling).forEach(Session::close);
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
        try {
            for (long left = deadline - System.nanoTime();
                    left > 0 && open.stream().anyMatch(s -> s.calling);
                    left = deadline - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // no more patience
        }
        open.forEach(Session::close);
    }
}
