package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.LinkListener;

/** Tells a listener when devices lose connections, on a thread of its own. */
public final class LinkWatch implements Closeable {
    /** How soon the thread notices that the watch was closed. */
    private static final Duration TICK = Duration.ofMillis(500);

    private final NbdNetlink netlink;
    private final LinkListener listener;
    private final Thread thread;
    private volatile boolean closed;

    private LinkWatch(NbdNetlink netlink, LinkListener listener) {
        this.netlink = netlink;
        this.listener = listener;
        thread = new Thread(this::run, "nbd-link-watch");
        thread.setDaemon(true);
    }

    /**
     * Begins to watch.
     *
     * @param opener opens a conversation with the kernel
     * @param listener told from now on
     * @return the caller closes it
     * @throws IOException if the kernel does not tell
     */
    public static LinkWatch start(NetlinkTransport.Opener opener, LinkListener listener) throws IOException {
        NbdNetlink netlink = NbdNetlink.open(opener);
        try {
            netlink.listen();
        } catch (IOException | RuntimeException e) {
            netlink.close();
            throw e;
        }
        LinkWatch watch = new LinkWatch(netlink, listener);
        watch.thread.start();
        return watch;
    }

    private void run() {
        try (netlink) {
            while (!closed) {
                for (int index : deadLinks()) {
                    listener.connectionDied(DeviceName.path(index));
                }
            }
        } catch (IOException e) {
            listener.watchFailed(e);
        }
    }

    private List<Integer> deadLinks() throws IOException {
        try {
            return netlink.deadLinks(Deadline.in(TICK));
        } catch (StorageException e) {
            if (e.errno() == Errno.ETIMEDOUT) {
                return List.of();
            }
            throw e;
        }
    }

    /**
     * Ends the watch. When this returns, the listener is told nothing more, unless it is the listener that called.
     *
     * @throws InterruptedIOException if the thread was interrupted while it waited for that
     */
    @Override
    public void close() throws InterruptedIOException {
        closed = true;
        if (Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while ending the watch for dead connections");
            }
        }
    }
}
