package org.nbdrunner.engine.internal.net;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A plain TCP or Unix-domain socket. */
public final class SocketTransport implements Transport {
    private final SocketChannel channel;
    private final String peer;
    private final ByteBuffer[] two = new ByteBuffer[2];

    /** For what a channel does not tell; null for Unix-domain sockets, which have no such thing. */
    private final InputStream stream;

    /**
     * Over a connected channel, which is put into blocking mode.
     *
     * @param channel closed with this
     * @throws IOException if it is not connected any more
     */
    public SocketTransport(SocketChannel channel) throws IOException {
        this.channel = channel;
        channel.configureBlocking(true);
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            stream = channel.socket().getInputStream();
        } else {
            stream = null;
        }
        peer = name(channel.getRemoteAddress());
    }

    private static String name(SocketAddress address) {
        if (address instanceof InetSocketAddress inet) {
            return inet.getAddress().getHostAddress() + ":" + inet.getPort();
        }
        String s = String.valueOf(address);
        return s.isEmpty() ? "unix" : s;
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        return channel.read(into);
    }

    @Override
    public long read(ByteBuffer first, ByteBuffer second) throws IOException {
        two[0] = first;
        two[1] = second;
        return channel.read(two);
    }

    @Override
    public int available() {
        try {
            return stream == null ? -1 : stream.available();
        } catch (IOException e) {
            return -1; // a read will tell
        }
    }

    @Override
    public void write(ByteBuffer[] from, int count) throws IOException {
        if (count == 1) {
            while (from[0].hasRemaining()) {
                channel.write(from[0]);
            }
            return;
        }
        int first = 0;
        while (first < count) {
            channel.write(from, first, count - first);
            while (first < count && !from[first].hasRemaining()) {
                first++;
            }
        }
    }

    @Override
    public void stopReading() {
        try {
            channel.shutdownInput();
        } catch (IOException e) {
            close();
        }
    }

    @Override
    public void stopWriting() {
        try {
            channel.shutdownOutput();
        } catch (IOException e) {
            close();
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing is left to be done with it: the descriptor is gone either way.
            return;
        }
    }

    @Override
    public String peer() {
        return peer;
    }
}
