package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The attributes of a netlink message, or of an attribute that is made of attributes. */
final class Attributes {
    private record Attribute(int type, ByteBuffer value) {}

    private final List<Attribute> all;

    private Attributes(List<Attribute> all) {
        this.all = all;
    }

    /**
     * Reads attributes.
     *
     * @param bytes nothing but attributes; read to its end
     * @return them
     * @throws IOException if one goes beyond the end, or is shorter than its header
     */
    static Attributes parse(ByteBuffer bytes) throws IOException {
        List<Attribute> all = new ArrayList<>();
        ByteBuffer rest = bytes.order(ByteOrder.nativeOrder());
        while (rest.hasRemaining()) {
            if (rest.remaining() < Netlink.ATTRIBUTE_HEADER) {
                throw malformed("ends within an attribute's header");
            }
            int length = Short.toUnsignedInt(rest.getShort(rest.position()));
            int type = rest.getShort(rest.position() + 2) & Netlink.NLA_TYPE_MASK;
            if (length < Netlink.ATTRIBUTE_HEADER || length > rest.remaining()) {
                throw malformed("has an attribute of " + length + " bytes where " + rest.remaining() + " are left");
            }
            int headerLength = Netlink.ATTRIBUTE_HEADER;
            all.add(new Attribute(type, rest.slice(rest.position() + headerLength, length - headerLength)));
            rest.position(rest.position() + Math.min(Netlink.align(length), rest.remaining()));
        }
        return new Attributes(all);
    }

    /**
     * A number of 8 bits.
     *
     * @param type the attribute
     * @return its value, unsigned
     * @throws IOException if it is missing or of another size
     */
    int u8(int type) throws IOException {
        return Byte.toUnsignedInt(required(type, Byte.BYTES).get(0));
    }

    /**
     * A number of 16 bits.
     *
     * @param type the attribute
     * @return its value, unsigned
     * @throws IOException if it is missing or of another size
     */
    int u16(int type) throws IOException {
        return Short.toUnsignedInt(required(type, Short.BYTES).getShort(0));
    }

    /**
     * A number of 32 bits.
     *
     * @param type the attribute
     * @return its value
     * @throws IOException if it is missing or of another size
     */
    int u32(int type) throws IOException {
        return required(type, Integer.BYTES).getInt(0);
    }

    /**
     * A string.
     *
     * @param type the attribute
     * @return what stands before its first zero byte; empty if the attribute is missing
     */
    Optional<String> string(int type) {
        return value(type).map(Attributes::text);
    }

    /**
     * An attribute that is made of attributes.
     *
     * @param type the attribute
     * @return what it is made of; nothing if it is missing
     * @throws IOException if it is malformed
     */
    Attributes nested(int type) throws IOException {
        Optional<ByteBuffer> value = value(type);
        return value.isPresent() ? parse(value.get()) : new Attributes(List.of());
    }

    /**
     * A list: every attribute here is made of attributes, whatever its type.
     *
     * @return what each is made of
     * @throws IOException if one is malformed
     */
    List<Attributes> list() throws IOException {
        List<Attributes> list = new ArrayList<>(all.size());
        for (Attribute a : all) {
            list.add(parse(a.value.duplicate()));
        }
        return list;
    }

    private ByteBuffer required(int type, int size) throws IOException {
        ByteBuffer value = value(type).orElseThrow(() -> malformed("lacks attribute " + type));
        if (value.remaining() != size) {
            throw malformed("has attribute " + type + " in " + value.remaining() + " bytes, not " + size);
        }
        return value;
    }

    /**
     * An attribute of any kind.
     *
     * @param type the attribute
     * @return its value, in native order; empty if the attribute is missing
     */
    Optional<ByteBuffer> value(int type) {
        return all.stream()
                .filter(a -> a.type == type)
                .findFirst()
                .map(a -> a.value.duplicate().order(ByteOrder.nativeOrder()));
    }

    private static String text(ByteBuffer value) {
        String s = StandardCharsets.UTF_8.decode(value).toString();
        int end = s.indexOf('\0');
        return end < 0 ? s : s.substring(0, end);
    }

    static StorageException malformed(String how) {
        return new StorageException(Errno.EIO, "the kernel's netlink message " + how);
    }
}
