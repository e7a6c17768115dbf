package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Locale;

/** Tells whoever connects when this runner started; gluster/nbd-runner's clients restore their mappings when that changes. */
final class LivenessServer extends TcpServer {
    private static final int LENGTH = 1024;
    private static final int MAX_CONNECTIONS = 64;

    /** As C's ctime() writes it, with the day padded by a space. */
    private static final DateTimeFormatter CTIME =
            DateTimeFormatter.ofPattern("EEE MMM ppd HH:mm:ss yyyy", Locale.ROOT);

    private final byte[] message;

    /** Tells when the process started: a server that merely gets another configuration has lost no mapping. */
    LivenessServer(InetSocketAddress address) throws IOException {
        this(
                address,
                Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime())
                        .atZone(ZoneId.systemDefault()));
    }

    LivenessServer(InetSocketAddress address, ZonedDateTime start) throws IOException {
        super("liveness", address, MAX_CONNECTIONS);
        message = message(start);
        start();
    }

    static byte[] message(ZonedDateTime start) {
        return Arrays.copyOf((CTIME.format(start) + "\n").getBytes(StandardCharsets.US_ASCII), LENGTH);
    }

    @Override
    void serve(Sessions.Session session) throws IOException {
        if (session.beginCall()) {
            // Fits the socket's buffer: a client that does not read holds nothing up.
            session.socket().getOutputStream().write(message);
        }
    }
}
