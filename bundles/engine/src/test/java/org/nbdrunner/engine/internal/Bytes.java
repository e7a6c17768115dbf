package org.nbdrunner.engine.internal;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Puts a message together: big-endian, of any content. */
final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes u8(int value) {
        out.write(value);
        return this;
    }

    Bytes u16(int value) {
        return u8(value >>> 8).u8(value);
    }

    Bytes u32(long value) {
        return u16((int) (value >>> 16)).u16((int) value);
    }

    Bytes u64(long value) {
        return u32(value >>> 32).u32(value);
    }

    Bytes raw(byte... bytes) {
        out.writeBytes(bytes);
        return this;
    }

    Bytes text(String text) {
        return raw(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A text behind its length. */
    Bytes string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return u32(bytes.length).raw(bytes);
    }

    /** A compact request's header. */
    Bytes request(int flags, int type, long cookie, long offset, long length) {
        return u32(Nbd.REQUEST_MAGIC)
                .u16(flags)
                .u16(type)
                .u64(cookie)
                .u64(offset)
                .u32(length);
    }

    /** An extended request's header. */
    Bytes extendedRequest(int flags, int type, long cookie, long offset, long length) {
        return u32(Nbd.EXTENDED_REQUEST_MAGIC)
                .u16(flags)
                .u16(type)
                .u64(cookie)
                .u64(offset)
                .u64(length);
    }

    /** An option of the newstyle handshake. */
    Bytes option(int option, byte... data) {
        return u64(Nbd.OPTION_MAGIC).u32(option).u32(data.length).raw(data);
    }

    int size() {
        return out.size();
    }

    byte[] array() {
        return out.toByteArray();
    }

    static String hex(byte... bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
