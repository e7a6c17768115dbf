package org.nbdrunner.netlink.internal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.nbdrunner.api.handler.Errno;

/**
 * Requests to families of generic netlink, and their answers. For one thread at a time.
 *
 * @see <a href="https://docs.kernel.org/userspace-api/netlink/intro.html">Introduction to Netlink</a>
 */
final class GenericNetlink implements Closeable {
    /** How long the kernel may take for an answer. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** How many datagrams may come before the one that is waited for. */
    private static final int MAX_DATAGRAMS = 10_000;

    private static final int CONTROLLER = 16;
    private static final int CONTROLLER_VERSION = 2;
    private static final int CTRL_CMD_GETFAMILY = 3;
    private static final int CTRL_ATTR_FAMILY_ID = 1;
    private static final int CTRL_ATTR_FAMILY_NAME = 2;
    private static final int CTRL_ATTR_MCAST_GROUPS = 7;
    private static final int CTRL_ATTR_MCAST_GRP_NAME = 1;
    private static final int CTRL_ATTR_MCAST_GRP_ID = 2;

    private final NetlinkTransport transport;
    private int sequence;

    /**
     * A family of commands, as the kernel numbered it.
     *
     * @param id its number
     * @param groups the numbers of its multicast groups, by name
     */
    record Family(int id, Map<String, Integer> groups) {}

    /**
     * A client.
     *
     * @param transport closed with this
     */
    GenericNetlink(NetlinkTransport transport) {
        this.transport = transport;
    }

    /**
     * Looks a family up.
     *
     * @param name the family
     * @return its numbers
     * @throws NetlinkRefusal {@link Errno#ENOENT} if the kernel does not know it
     * @throws IOException if the kernel cannot be asked
     */
    Family family(String name) throws IOException {
        List<NetlinkMessage> answers = request(
                CONTROLLER,
                CTRL_CMD_GETFAMILY,
                CONTROLLER_VERSION,
                attributes -> attributes.string(CTRL_ATTR_FAMILY_NAME, name));
        if (answers.isEmpty()) {
            throw Attributes.malformed("acknowledges the question for " + name + " without an answer");
        }
        Attributes family = answers.get(0).attributes();
        Map<String, Integer> groups = new HashMap<>();
        for (Attributes group : family.nested(CTRL_ATTR_MCAST_GROUPS).list()) {
            groups.put(group.string(CTRL_ATTR_MCAST_GRP_NAME).orElse(""), group.u32(CTRL_ATTR_MCAST_GRP_ID));
        }
        return new Family(family.u16(CTRL_ATTR_FAMILY_ID), Map.copyOf(groups));
    }

    /**
     * Sends a request and waits until the kernel has acknowledged it.
     *
     * @param family its number
     * @param command one of its commands
     * @param version of the family
     * @param attributes adds the request's attributes
     * @return what the family answered before the acknowledgement
     * @throws NetlinkRefusal if the kernel refused
     * @throws IOException if the kernel cannot be asked
     */
    List<NetlinkMessage> request(int family, int command, int version, Consumer<NetlinkRequest> attributes)
            throws IOException {
        Deadline deadline = Deadline.in(PATIENCE);
        NetlinkRequest request = new NetlinkRequest(family, command, version, ++sequence);
        attributes.accept(request);
        transport.send(request.finish(), deadline);

        List<NetlinkMessage> answers = new ArrayList<>();
        for (int seen = 0; seen < MAX_DATAGRAMS; seen++) {
            for (NetlinkMessage m : NetlinkMessage.parse(receive(deadline))) {
                boolean ours = m.sequence() == sequence;
                if (ours && m.type() == family) {
                    answers.add(m);
                } else if (ours && m.type() == Netlink.NLMSG_ERROR) {
                    if (m.errno() != 0) {
                        throw new NetlinkRefusal(m.errno(), m.words());
                    }
                    return answers;
                }
            }
        }
        throw Attributes.malformed("is one of too many");
    }

    /**
     * Also receives what a group is told.
     *
     * @param group its number
     * @throws IOException if the kernel does not allow that
     */
    void join(int group) throws IOException {
        transport.join(group);
    }

    /**
     * Receives whatever comes next.
     *
     * @param deadline when to give up
     * @return one datagram
     * @throws IOException {@link Errno#ETIMEDOUT} if nothing came in time
     */
    ByteBuffer receive(Deadline deadline) throws IOException {
        return transport.receive(deadline);
    }

    @Override
    public void close() throws IOException {
        transport.close();
    }
}
