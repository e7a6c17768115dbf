package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * One message of those that a datagram from the kernel holds.
 *
 * @param type what it is: of the protocol itself, or the number of a family
 * @param flags {@code NLM_F_…}
 * @param sequence that of the request it answers; 0 if it answers none
 * @param payload what follows the header, in native order
 */
record NetlinkMessage(int type, int flags, int sequence, ByteBuffer payload) {

    /**
     * Reads a datagram.
     *
     * @param datagram all of it
     * @return its messages, in order
     * @throws IOException if one goes beyond the end, or is shorter than its header
     */
    static List<NetlinkMessage> parse(ByteBuffer datagram) throws IOException {
        List<NetlinkMessage> messages = new ArrayList<>();
        ByteBuffer rest = datagram.order(ByteOrder.nativeOrder());
        while (rest.hasRemaining()) {
            if (rest.remaining() < Netlink.HEADER) {
                throw Attributes.malformed("ends within its header");
            }
            int start = rest.position();
            int length = rest.getInt(start);
            if (length < Netlink.HEADER || length > rest.remaining()) {
                throw Attributes.malformed("has " + length + " bytes where " + rest.remaining() + " are left");
            }
            messages.add(new NetlinkMessage(
                    Short.toUnsignedInt(rest.getShort(start + 4)),
                    Short.toUnsignedInt(rest.getShort(start + 6)),
                    rest.getInt(start + 8),
                    rest.slice(start + Netlink.HEADER, length - Netlink.HEADER).order(ByteOrder.nativeOrder())));
            rest.position(start + Math.min(Netlink.align(length), rest.remaining()));
        }
        return messages;
    }

    /**
     * What a message of a family asks or tells.
     *
     * @return the command of the family
     * @throws IOException if the message is too short
     */
    int command() throws IOException {
        return Byte.toUnsignedInt(beyond(0, Netlink.GENERIC_HEADER).payload.get(0));
    }

    /**
     * The attributes of a message of a family.
     *
     * @return them
     * @throws IOException if they are malformed
     */
    Attributes attributes() throws IOException {
        return attributes(Netlink.GENERIC_HEADER);
    }

    /**
     * What an error message reports.
     *
     * @return a positive error number; 0 if it acknowledges
     * @throws IOException if the message is too short
     */
    int errno() throws IOException {
        return Math.abs(beyond(0, Integer.BYTES).payload.getInt(0));
    }

    /**
     * What an error message says in words.
     *
     * @return may be empty
     * @throws IOException if the message is malformed
     */
    String words() throws IOException {
        if ((flags & Netlink.NLM_F_ACK_TLVS) == 0) {
            return "";
        }
        // The request is repeated before the attributes, all of it or its header.
        int request = Integer.BYTES;
        int length = (flags & Netlink.NLM_F_CAPPED) != 0
                ? Netlink.HEADER
                : beyond(request, Integer.BYTES).payload.getInt(request);
        if (length < Netlink.HEADER || length > payload.limit()) {
            throw Attributes.malformed("repeats a request of " + length + " bytes");
        }
        return attributes(request + Netlink.align(length))
                .string(Netlink.NLMSGERR_ATTR_MSG)
                .orElse("");
    }

    private Attributes attributes(int offset) throws IOException {
        return Attributes.parse(beyond(offset, 0).payload.slice(offset, payload.limit() - offset));
    }

    private NetlinkMessage beyond(int offset, int length) throws IOException {
        if (offset + length > payload.limit()) {
            throw Attributes.malformed("has no more than " + payload.limit() + " bytes after its header");
        }
        return this;
    }
}
