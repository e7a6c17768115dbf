package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.MapRequest;

/** This process's ends of the connections that one device is to have. Closing them leaves those open that the kernel took. */
public final class Connections implements Closeable {
    /** More than these bring no more speed. */
    private static final int MAX_CONNECTIONS = 16;

    private static final int SO_SNDTIMEO = 21;
    private static final int TIMEVAL = 16;

    private final List<NativeSocket> sockets;

    private Connections(List<NativeSocket> sockets) {
        this.sockets = sockets;
    }

    /**
     * Makes them, ready for NBD's transmission phase.
     *
     * @param dialer makes each
     * @param request says where to, and how many
     * @return the caller closes them
     * @throws IOException if not all of them can be made; then none is left
     */
    public static Connections open(Dialer dialer, MapRequest request) throws IOException {
        boolean several = (request.flags() & TransmissionFlags.CAN_MULTI_CONN) != 0;
        int number = several ? Math.min(request.connections(), MAX_CONNECTIONS) : 1;
        Connections connections = new Connections(new ArrayList<>(number));
        try {
            while (connections.sockets.size() < number) {
                connections.sockets.add(dialer.dial(request.host(), request.port(), request.cfgstring()));
            }
            return connections;
        } catch (IOException | RuntimeException e) {
            connections.close();
            throw e;
        }
    }

    /**
     * All of them.
     *
     * @return their descriptors
     */
    public List<Integer> descriptors() {
        return sockets.stream().map(NativeSocket::descriptor).toList();
    }

    /**
     * Those that the kernel has not taken. It tells nowhere which it took, but sets the send timeout on them, if the device has an I/O
     * timeout; here nobody does.
     *
     * @return their descriptors
     * @throws StorageException if a socket cannot be asked
     */
    public List<Integer> untaken() throws StorageException {
        List<Integer> untaken = new ArrayList<>();
        for (NativeSocket s : sockets) {
            var timeout = s.option(NativeSocket.SOL_SOCKET, SO_SNDTIMEO, TIMEVAL);
            if (timeout.getLong(0) == 0 && timeout.getLong(8) == 0) {
                untaken.add(s.descriptor());
            }
        }
        return untaken;
    }

    @Override
    public void close() {
        sockets.forEach(NativeSocket::close);
    }
}
