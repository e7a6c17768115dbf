package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.MapRequest;

/** The kernel's generic-netlink family {@code nbd}, from {@code linux/nbd-netlink.h}. For one thread at a time. */
public final class NbdNetlink implements Closeable {
    private static final String FAMILY = "nbd";
    private static final String GROUP = "nbd_mc_group";
    private static final int VERSION = 1;

    private static final int CMD_CONNECT = 1;
    private static final int CMD_DISCONNECT = 2;
    private static final int CMD_RECONFIGURE = 3;
    private static final int CMD_LINK_DEAD = 4;
    private static final int CMD_STATUS = 5;

    private static final int ATTR_INDEX = 1;
    private static final int ATTR_SIZE_BYTES = 2;
    private static final int ATTR_BLOCK_SIZE_BYTES = 3;
    private static final int ATTR_TIMEOUT = 4;
    private static final int ATTR_SERVER_FLAGS = 5;
    private static final int ATTR_SOCKETS = 7;
    private static final int ATTR_DEAD_CONN_TIMEOUT = 8;
    private static final int ATTR_DEVICE_LIST = 9;
    private static final int ATTR_BACKEND_IDENTIFIER = 10;
    private static final int SOCK_ITEM = 1;
    private static final int SOCK_FD = 1;
    private static final int DEVICE_INDEX = 1;
    private static final int DEVICE_CONNECTED = 2;

    private final GenericNetlink netlink;
    private final GenericNetlink.Family family;

    private NbdNetlink(GenericNetlink netlink, GenericNetlink.Family family) {
        this.netlink = netlink;
        this.family = family;
    }

    /**
     * Opens a conversation with the kernel.
     *
     * @param opener opens what carries it
     * @return the caller closes it
     * @throws IOException {@link Errno#ENODEV} if the kernel has no nbd module
     */
    public static NbdNetlink open(NetlinkTransport.Opener opener) throws IOException {
        GenericNetlink netlink = new GenericNetlink(opener.open());
        try {
            return new NbdNetlink(netlink, netlink.family(FAMILY));
        } catch (NetlinkRefusal e) {
            netlink.close();
            throw refused("use network block devices", e, "");
        } catch (IOException | RuntimeException e) {
            netlink.close();
            throw e;
        }
    }

    /**
     * Makes a device of connections.
     *
     * @param index which device; empty for any that is free
     * @param request its properties
     * @param descriptors the connections
     * @return the device's number
     * @throws IOException if the kernel refused
     */
    public int connect(OptionalInt index, MapRequest request, List<Integer> descriptors) throws IOException {
        String what = "map " + (index.isPresent() ? DeviceName.path(index.getAsInt()) : "a device");
        String details = request.size() + " bytes in blocks of " + request.blockSize() + " over " + descriptors.size()
                + " connection(s)";
        List<NetlinkMessage> answers = command(CMD_CONNECT, what, details, attributes -> {
            // The kernel takes an index of -1 for a wrong one: to get any device, say nothing.
            index.ifPresent(i -> attributes.u32(ATTR_INDEX, i));
            attributes.u64(ATTR_SIZE_BYTES, request.size());
            attributes.u64(ATTR_BLOCK_SIZE_BYTES, request.blockSize());
            attributes.u64(ATTR_SERVER_FLAGS, serverFlags(request));
            // No client flags: a device that the kernel made for this stays afterwards, free, as those do that it made
            // when the module was loaded. Who was told /dev/nbdX can map there again.
            mutable(attributes, request, descriptors);
        });
        if (answers.isEmpty()) {
            throw Attributes.malformed("acknowledges a mapping without naming the device");
        }
        return answers.get(0).attributes().u32(ATTR_INDEX);
    }

    /**
     * Offers a device connections in place of dead ones. The kernel takes as many as have died, without a word on that.
     *
     * @param index which device
     * @param request its properties
     * @param descriptors the connections
     * @throws IOException if the kernel refused
     */
    public void reconnect(int index, MapRequest request, List<Integer> descriptors) throws IOException {
        command(
                CMD_RECONFIGURE,
                "reconnect " + DeviceName.path(index),
                "it is not mapped, or to another backstore",
                attributes -> mutable(attributes.u32(ATTR_INDEX, index), request, descriptors));
    }

    /**
     * Changes the size of a device.
     *
     * @param index which device
     * @param size bytes
     * @param identifier what the device is mapped to, as the kernel knows it; empty if it does not
     * @throws IOException if the kernel refused
     */
    public void resize(int index, long size, String identifier) throws IOException {
        command(CMD_RECONFIGURE, "resize " + DeviceName.path(index), size + " bytes", attributes -> {
            attributes.u32(ATTR_INDEX, index).u64(ATTR_SIZE_BYTES, size);
            identify(attributes, identifier);
        });
    }

    /**
     * Ends a device's connections.
     *
     * @param index which device
     * @throws IOException if the kernel refused
     */
    public void disconnect(int index) throws IOException {
        command(
                CMD_DISCONNECT,
                "unmap " + DeviceName.path(index),
                "there is no such device",
                attributes -> attributes.u32(ATTR_INDEX, index));
    }

    /**
     * Whether a device is mapped, or was and is still held open.
     *
     * @param index which device
     * @return false also if there is no such device
     * @throws IOException if the kernel refused
     */
    public boolean engaged(int index) throws IOException {
        List<NetlinkMessage> answers = command(
                CMD_STATUS,
                "ask for " + DeviceName.path(index),
                "there is no such device",
                attributes -> attributes.u32(ATTR_INDEX, index));
        for (NetlinkMessage answer : answers) {
            for (Attributes device :
                    answer.attributes().nested(ATTR_DEVICE_LIST).list()) {
                if (device.u32(DEVICE_INDEX) == index) {
                    return device.u8(DEVICE_CONNECTED) != 0;
                }
            }
        }
        return false;
    }

    /**
     * From now on, also receives what {@link #deadLinks} returns.
     *
     * @throws IOException if the kernel does not tell
     */
    void listen() throws IOException {
        Integer group = Optional.ofNullable(family.groups().get(GROUP))
                .orElseThrow(() -> new StorageException(
                        Errno.ENOTSUP, "the kernel's nbd module does not tell when a connection dies: it is too old"));
        netlink.join(group);
    }

    /**
     * Waits for the kernel to tell of connections that died.
     *
     * @param deadline when to give up
     * @return the numbers of the devices that lost one
     * @throws IOException {@link Errno#ETIMEDOUT} if none died in time
     */
    List<Integer> deadLinks(Deadline deadline) throws IOException {
        ByteBuffer datagram = netlink.receive(deadline);
        List<Integer> devices = new ArrayList<>();
        for (NetlinkMessage m : NetlinkMessage.parse(datagram)) {
            if (m.type() == family.id() && m.command() == CMD_LINK_DEAD) {
                devices.add(m.attributes().u32(ATTR_INDEX));
            }
        }
        return devices;
    }

    @Override
    public void close() throws IOException {
        netlink.close();
    }

    private static long serverFlags(MapRequest request) {
        int flags = request.flags() | TransmissionFlags.HAS_FLAGS;
        return request.readOnly() ? flags | TransmissionFlags.READ_ONLY : flags;
    }

    /** What can be set anew on a mapped device. */
    private static void mutable(NetlinkRequest attributes, MapRequest request, List<Integer> descriptors) {
        if (request.timeout() > 0) {
            attributes.u64(ATTR_TIMEOUT, request.timeout());
        }
        if (request.deadTimeout() > 0) {
            attributes.u64(ATTR_DEAD_CONN_TIMEOUT, request.deadTimeout());
        }
        identify(attributes, request.identifier());
        attributes.nested(ATTR_SOCKETS, sockets -> {
            for (int fd : descriptors) {
                sockets.nested(SOCK_ITEM, item -> item.u32(SOCK_FD, fd));
            }
        });
    }

    /** Kernels before 5.14 do not know this attribute, and pass over it. */
    private static void identify(NetlinkRequest attributes, String identifier) {
        if (!identifier.isEmpty()) {
            attributes.string(ATTR_BACKEND_IDENTIFIER, identifier);
        }
    }

    private List<NetlinkMessage> command(
            int command, String what, String ifInvalid, Consumer<NetlinkRequest> attributes) throws IOException {
        try {
            return netlink.request(family.id(), command, VERSION, attributes);
        } catch (NetlinkRefusal e) {
            throw refused(what, e, ifInvalid);
        }
    }

    private static StorageException refused(String what, NetlinkRefusal refusal, String ifInvalid)
            throws StorageException {
        int number = refusal.errno();
        Errno errno = Errno.of(number);
        String why = errno.number() != number
                ? Native.words(number)
                : switch (errno) {
                    case EPERM -> "you must be root (CAP_SYS_ADMIN)";
                    case ENOENT -> "the kernel has no nbd module: run modprobe nbd";
                    case EBUSY -> "it is mapped already, or a program holds it open";
                    case EINVAL -> "the kernel does not take it: " + ifInvalid;
                    case ENODEV -> "there is no such device";
                    default -> Native.words(number);
                };
        String words = refusal.getMessage().isEmpty() ? "" : " (" + refusal.getMessage() + ")";
        return new StorageException(
                errno == Errno.ENOENT ? Errno.ENODEV : errno, "cannot " + what + ": " + why + words, refusal);
    }
}
