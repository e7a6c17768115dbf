package org.nbdrunner.netlink.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** Writes a generic-netlink request: two headers, then attributes, each aligned to 4 bytes, in native byte order. */
final class NetlinkRequest {
    private ByteBuffer bytes = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

    /**
     * Begins a request that is to be acknowledged.
     *
     * @param family the number of the family
     * @param command a command of the family
     * @param version of the family
     * @param sequence repeated in every answer
     */
    NetlinkRequest(int family, int command, int version, int sequence) {
        bytes.putInt(0)
                .putShort((short) family)
                .putShort((short) (Netlink.NLM_F_REQUEST | Netlink.NLM_F_ACK))
                .putInt(sequence)
                .putInt(0)
                .put((byte) command)
                .put((byte) version)
                .putShort((short) 0);
    }

    /**
     * Adds a number of 32 bits.
     *
     * @param type the attribute
     * @param value its value
     * @return this
     */
    NetlinkRequest u32(int type, int value) {
        header(type, Integer.BYTES);
        bytes.putInt(value);
        return this;
    }

    /**
     * Adds a number of 64 bits.
     *
     * @param type the attribute
     * @param value its value
     * @return this
     */
    NetlinkRequest u64(int type, long value) {
        header(type, Long.BYTES);
        bytes.putLong(value);
        return this;
    }

    /**
     * Adds a string, with the zero byte that ends it.
     *
     * @param type the attribute
     * @param value its value
     * @return this
     */
    NetlinkRequest string(int type, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        header(type, text.length + 1);
        bytes.put(text).put(new byte[Netlink.align(text.length + 1) - text.length]);
        return this;
    }

    /**
     * Adds an attribute that is made of attributes.
     *
     * @param type the attribute
     * @param content adds them
     * @return this
     */
    NetlinkRequest nested(int type, Consumer<NetlinkRequest> content) {
        int start = bytes.position();
        header(type | Netlink.NLA_F_NESTED, 0);
        content.accept(this);
        bytes.putShort(start, checkedLength(bytes.position() - start));
        return this;
    }

    /**
     * Ends the request.
     *
     * @return all of it
     */
    ByteBuffer finish() {
        return bytes.putInt(0, bytes.position()).flip();
    }

    private void header(int type, int length) {
        short whole = checkedLength(Netlink.ATTRIBUTE_HEADER + length);
        int needed = bytes.position() + Netlink.align(Netlink.ATTRIBUTE_HEADER + length);
        if (needed > bytes.capacity()) {
            byte[] larger = Arrays.copyOf(bytes.array(), Math.max(needed, 2 * bytes.capacity()));
            bytes = ByteBuffer.wrap(larger).order(ByteOrder.nativeOrder()).position(bytes.position());
        }
        bytes.putShort(whole).putShort((short) type);
    }

    private static short checkedLength(int length) {
        if (length > 0xffff) {
            throw new IllegalArgumentException("an attribute of " + length + " bytes is too long");
        }
        return (short) length;
    }
}
