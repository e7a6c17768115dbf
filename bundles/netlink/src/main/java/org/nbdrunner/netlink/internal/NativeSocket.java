package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicBoolean;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * A socket of the C library. Unlike Java's it has a descriptor that can be handed to the kernel. Never blocks beyond a deadline; for one
 * thread at a time.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/socket.7.html">socket(7)</a>
 */
public final class NativeSocket implements ByteStream, Closeable {
    static final int SOCK_STREAM = 1;
    static final int SOCK_RAW = 3;
    static final int SOL_SOCKET = 1;

    private static final int SOCK_NONBLOCK = 0x800;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SO_ERROR = 4;
    private static final int MSG_PEEK = 0x2;
    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;

    private static final int EINTR = 4;
    private static final int EINPROGRESS = 115;

    private final LibC libc;
    private final int fd;
    private final String peer;
    private final AtomicBoolean closed = new AtomicBoolean();

    private NativeSocket(LibC libc, int fd, String peer) {
        this.libc = libc;
        this.fd = fd;
        this.peer = peer;
    }

    /**
     * Makes a socket.
     *
     * @param domain {@code AF_…}
     * @param type {@code SOCK_…}
     * @param protocol of that domain
     * @param peer what the other side is called in messages
     * @return an unconnected socket
     * @throws StorageException if the system has none to give
     */
    static NativeSocket open(int domain, int type, int protocol, String peer) throws StorageException {
        LibC libc = Native.libc();
        int fd = libc.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        if (fd < 0) {
            throw failure("cannot make a socket to " + peer, Native.errno(libc));
        }
        return new NativeSocket(libc, fd, peer);
    }

    /**
     * What the kernel knows the socket by in this process.
     *
     * @return not negative; meaningless once the socket is closed
     */
    public int descriptor() {
        return fd;
    }

    /**
     * Connects.
     *
     * @param address a {@code sockaddr}
     * @param deadline when to give up
     * @throws StorageException if the connection is not there in time
     */
    void connect(ByteBuffer address, Deadline deadline) throws StorageException {
        int errno = libc.connect(fd, address, address.remaining()) == 0 ? 0 : Native.errno(libc);
        // An interrupted connect goes on by itself, like one in progress.
        if (errno == EINPROGRESS || errno == EINTR) {
            await(POLLOUT, "cannot connect to " + peer, deadline);
            errno = option(SOL_SOCKET, SO_ERROR);
        }
        if (errno != 0) {
            throw failure("cannot connect to " + peer, errno);
        }
    }

    /**
     * Sets an option.
     *
     * @param level {@code SOL_…}, or a protocol
     * @param name the option
     * @param value its value
     * @throws StorageException if the system does not know it
     */
    void setOption(int level, int name, int value) throws StorageException {
        ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(0, value);
        if (libc.setsockopt(fd, level, name, bytes, 4) != 0) {
            throw failure("cannot set option " + level + "/" + name + " of the socket to " + peer, Native.errno(libc));
        }
    }

    private int option(int level, int name) throws StorageException {
        return option(level, name, 4).getInt(0);
    }

    /**
     * Gets an option.
     *
     * @param level {@code SOL_…}, or a protocol
     * @param name the option
     * @param length of its value in bytes
     * @return the value, in native order
     * @throws StorageException if the system does not know it
     */
    ByteBuffer option(int level, int name, int length) throws StorageException {
        ByteBuffer value = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        ByteBuffer size = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(0, length);
        if (libc.getsockopt(fd, level, name, value, size) != 0) {
            throw failure("cannot get option " + level + "/" + name + " of the socket to " + peer, Native.errno(libc));
        }
        return value;
    }

    @Override
    public void write(ByteBuffer bytes, Deadline deadline) throws StorageException {
        while (bytes.hasRemaining()) {
            long n = libc.send(fd, bytes, bytes.remaining(), MSG_NOSIGNAL);
            if (n >= 0) {
                bytes.position(bytes.position() + (int) n);
            } else {
                awaitAfter(Native.errno(libc), POLLOUT, "cannot send to " + peer, deadline);
            }
        }
    }

    @Override
    public void readFully(ByteBuffer bytes, Deadline deadline) throws StorageException {
        while (bytes.hasRemaining()) {
            long n = libc.recv(fd, bytes, bytes.remaining(), 0);
            if (n == 0) {
                throw new StorageException(Errno.ENOTCONN, peer + " closed the connection");
            } else if (n > 0) {
                bytes.position(bytes.position() + (int) n);
            } else {
                awaitAfter(Native.errno(libc), POLLIN, "cannot receive from " + peer, deadline);
            }
        }
    }

    /**
     * Sends one datagram.
     *
     * @param datagram all of it
     * @param deadline when to give up
     * @throws StorageException if it cannot be sent in time
     */
    void sendDatagram(ByteBuffer datagram, Deadline deadline) throws StorageException {
        while (libc.send(fd, datagram, datagram.remaining(), MSG_NOSIGNAL) < 0) {
            awaitAfter(Native.errno(libc), POLLOUT, "cannot send to " + peer, deadline);
        }
    }

    /**
     * Receives one datagram.
     *
     * @param limit the most bytes that it may have
     * @param deadline when to give up
     * @return all of it, in native order
     * @throws StorageException {@link Errno#ETIMEDOUT} if none came in time, {@link Errno#EOVERFLOW} if it is too long
     */
    ByteBuffer receiveDatagram(int limit, Deadline deadline) throws StorageException {
        long length = receive(ByteBuffer.allocate(0), MSG_PEEK | MSG_TRUNC, deadline);
        if (length > limit) {
            throw new StorageException(
                    Errno.EOVERFLOW, peer + " sent " + length + " bytes at once, more than the " + limit + " allowed");
        }
        ByteBuffer datagram = ByteBuffer.allocate((int) length).order(ByteOrder.nativeOrder());
        long n = receive(datagram, 0, deadline);
        return datagram.limit((int) n);
    }

    private long receive(ByteBuffer bytes, int flags, Deadline deadline) throws StorageException {
        while (true) {
            long n = libc.recv(fd, bytes, bytes.remaining(), flags);
            if (n >= 0) {
                return n;
            }
            awaitAfter(Native.errno(libc), POLLIN, "cannot receive from " + peer, deadline);
        }
    }

    private void awaitAfter(int errno, short event, String what, Deadline deadline) throws StorageException {
        if (errno == Errno.EAGAIN.number()) {
            await(event, what, deadline);
        } else if (errno != EINTR) {
            throw failure(what, errno);
        }
    }

    private void await(short event, String what, Deadline deadline) throws StorageException {
        ByteBuffer array = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
        array.putInt(0, fd).putShort(4, event);
        int ready;
        do {
            ready = libc.poll(array, 1, deadline.millisLeft());
        } while (ready < 0 && Native.errno(libc) == EINTR);
        if (ready < 0) {
            throw failure(what, Native.errno(libc));
        } else if (ready == 0) {
            throw failure(what, Errno.ETIMEDOUT.number());
        }
    }

    private static StorageException failure(String what, int errno) throws StorageException {
        return new StorageException(Errno.of(errno), what + ": " + Native.words(errno));
    }

    /** Closes this process's end of it. What the kernel took stays open there. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            libc.close(fd);
        }
    }
}
