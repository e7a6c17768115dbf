package org.nbdrunner.netlink;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.internal.Await;
import org.nbdrunner.netlink.internal.BlockDevices;
import org.nbdrunner.netlink.internal.Connections;
import org.nbdrunner.netlink.internal.DeviceName;
import org.nbdrunner.netlink.internal.Dialer;
import org.nbdrunner.netlink.internal.LinkWatch;
import org.nbdrunner.netlink.internal.NbdNetlink;
import org.nbdrunner.netlink.internal.NetlinkSocket;
import org.nbdrunner.netlink.internal.NetlinkTransport;

/**
 * Maps through the kernel of this machine. For use by any thread.
 *
 * <p>Mapping takes {@code nbd.ko} and {@code CAP_SYS_ADMIN}; {@link #devices} takes neither.
 */
public final class KernelMapper implements Mapper {
    private static final Duration CONNECT_TIME = Duration.ofSeconds(10);
    private static final Duration NEGOTIATE_TIME = Duration.ofSeconds(30);
    /** How long a device may take to show its size, and to vanish. */
    private static final Duration KERNEL_TIME = Duration.ofSeconds(10);
    /** How long the kernel may take to notice that a connection has died. */
    private static final Duration DEATH_TIME = Duration.ofSeconds(2);
    /** How long a program that opens every device that changes, like udev, may have it open. */
    private static final Duration PROBE_TIME = Duration.ofSeconds(2);

    private final BlockDevices devices;
    private final NetlinkTransport.Opener netlink;
    private final Dialer dialer;
    private final Duration kernelTime;

    /** A mapper. Nothing native is loaded until a method needs it. */
    public KernelMapper() {
        this(
                new BlockDevices(Path.of("/")),
                NetlinkSocket::open,
                new Dialer(CONNECT_TIME, NEGOTIATE_TIME),
                KERNEL_TIME);
    }

    KernelMapper(BlockDevices devices, NetlinkTransport.Opener netlink, Dialer dialer, Duration kernelTime) {
        this.devices = devices;
        this.netlink = netlink;
        this.dialer = dialer;
        this.kernelTime = kernelTime;
    }

    @Override
    public List<Device> devices() throws IOException {
        return devices.all();
    }

    @Override
    public String map(MapRequest request) throws IOException {
        OptionalInt wanted =
                request.device().isEmpty() ? OptionalInt.empty() : OptionalInt.of(DeviceName.index(request.device()));
        // The kernel would say so too, but the runner need not hear of it.
        if (wanted.isPresent() && devices.mapped(wanted.getAsInt())) {
            throw new StorageException(
                    Errno.EBUSY, request.device() + " is mapped already: unmap it first, or name another device");
        }
        try (NbdNetlink nbd = NbdNetlink.open(netlink);
                Connections connections = Connections.open(dialer, request)) {
            int index = nbd.connect(wanted, request, connections.descriptors());
            try {
                awaitUsable(index, request.size());
            } catch (IOException e) {
                undo(nbd, index, e);
                throw e;
            }
            return DeviceName.path(index);
        }
    }

    @Override
    public void reconnect(MapRequest request) throws IOException {
        String device = request.device();
        int index = mappedIndex(device);
        String backend = devices.backend(index);
        if (!backend.isEmpty() && !backend.equals(request.identifier())) {
            throw new StorageException(
                    Errno.EINVAL, device + " is mapped to " + backend + ", not to " + request.identifier());
        }
        try (NbdNetlink nbd = NbdNetlink.open(netlink);
                Connections connections = Connections.open(dialer, request)) {
            nbd.reconnect(index, request, connections.descriptors());
            // Without an I/O timeout the kernel gives no sign of what it took.
            if (request.timeout() > 0) {
                awaitTaken(nbd, index, request, connections);
            }
            if (!devices.hasSize(index, request.size())) {
                resize(nbd, index, request.size());
            }
        }
    }

    @Override
    public void disconnect(String device) throws IOException {
        int index = mappedIndex(device);
        Optional<String> user = devices.user(index);
        if (user.isEmpty()) {
            Await.until(() -> devices.opener(index).isEmpty(), PROBE_TIME);
            user = devices.opener(index);
        }
        if (user.isPresent()) {
            throw new StorageException(Errno.EBUSY, device + " is in use: " + user.get());
        }
        try (NbdNetlink nbd = NbdNetlink.open(netlink)) {
            nbd.disconnect(index);
            if (!Await.until(() -> !devices.mapped(index) && !nbd.engaged(index), kernelTime)) {
                throw new StorageException(
                        Errno.EBUSY,
                        device + " has lost its connections, but a program holds it open: end that program");
            }
        }
    }

    @Override
    public void resize(String device, long size) throws IOException {
        int index = mappedIndex(device);
        try (NbdNetlink nbd = NbdNetlink.open(netlink)) {
            resize(nbd, index, size);
        }
    }

    /**
     * Watches for devices that lose connections, whoever mapped them.
     *
     * @param listener told of each, on a thread of the watch's own
     * @return ends the watch when closed
     * @throws IOException a {@link StorageException}: {@link Errno#ENODEV} if the kernel has no nbd module, {@link Errno#ENOTSUP} if it
     *     is too old to tell
     */
    public Closeable watch(LinkListener listener) throws IOException {
        return LinkWatch.start(netlink, listener);
    }

    private int mappedIndex(String device) throws StorageException {
        int index = DeviceName.index(device);
        if (!devices.exists(index)) {
            throw new StorageException(Errno.ENODEV, "there is no device " + device);
        } else if (!devices.mapped(index)) {
            throw new StorageException(Errno.ENOTCONN, device + " is not mapped");
        }
        return index;
    }

    private void awaitUsable(int index, long size) throws IOException {
        String device = DeviceName.path(index);
        if (!Await.until(() -> devices.mapped(index) && devices.hasSize(index, size), kernelTime)) {
            throw new StorageException(Errno.EIO, device + " was mapped but does not show its size");
        } else if (!Await.until(() -> devices.hasNode(index), kernelTime)) {
            throw new StorageException(
                    Errno.ENODEV, device + " was mapped but has no node: is /dev a devtmpfs, and does udev run?");
        }
    }

    private void undo(NbdNetlink nbd, int index, IOException failure) {
        try {
            nbd.disconnect(index);
            Await.until(() -> !devices.mapped(index), kernelTime);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** A fresh connection stands for a dead one only once the kernel knows that one as dead. */
    private static void awaitTaken(NbdNetlink nbd, int index, MapRequest request, Connections connections)
            throws IOException {
        Await.until(
                () -> {
                    List<Integer> untaken = connections.untaken();
                    if (untaken.isEmpty()) {
                        return true;
                    }
                    nbd.reconnect(index, request, untaken);
                    return false;
                },
                DEATH_TIME);
        if (connections.untaken().size() == connections.descriptors().size()) {
            throw new StorageException(
                    Errno.EBUSY, request.device() + " still has all its connections: there is none to replace");
        }
    }

    private void resize(NbdNetlink nbd, int index, long size) throws IOException {
        nbd.resize(index, size, devices.backend(index));
        if (!Await.until(() -> devices.hasSize(index, size), kernelTime)) {
            throw new StorageException(
                    Errno.EIO, DeviceName.path(index) + " does not show its new size of " + size + " bytes");
        }
    }
}
