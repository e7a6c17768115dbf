package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * Bytes in hexadecimal, as they were seen between {@code nbd-client} and Linux 6.1 on a little-endian machine. Numbers in netlink
 * messages are in native order.
 */
final class Golden {
    /** A question for family nbd. */
    static final String GET_FAMILY = """
            1c000000 1000 0500 01000000 00000000
            03 02 0000  0800 0200 6e626400""";

    /** Its answer: family 26, group 3. */
    static final String FAMILY = """
            b4000000 1000 0000 01000000 d2f6bfb3
            01 02 0000  0800 0200 6e626400  0600 0100 1a00 0000  0800 0300 01000000  0800 0400 00000000
            0800 0500 0a000000
            5400 0600  1400 0100 0800 0100 01000000 0800 0200 0a000000
                       1400 0200 0800 0100 02000000 0800 0200 0a000000
                       1400 0300 0800 0100 03000000 0800 0200 0a000000
                       1400 0400 0800 0100 05000000 0800 0200 0a000000
            2400 0700  2000 0100 0800 0200 03000000
                                 1100 0100 6e62645f6d635f67726f7570 00 000000""";

    /** The acknowledgement of message 1. */
    static final String ACK = """
            24000000 0200 0001 01000000 d2f6bfb3
            00000000  1c000000 1000 0500 01000000 d2f6bfb3""";

    /** A connect of device 3: 1 MiB, blocks of 512, flags 0xd6d, socket 3. */
    static final String CONNECT = """
            50000000 1a00 0500 02000000 00000000
            01 01 0000
            0800 0100 03000000
            0c00 0200 0000100000000000
            0c00 0300 0002000000000000
            0c00 0500 6d0d000000000000
            1000 0780 0c00 0180 0800 0100 03000000""";

    /** Its answer. */
    static final String CONNECTED = """
            1c000000 1a00 0000 02000000 d2f6bfb3
            01 01 0000  0800 0100 03000000""";

    /** Told to the group: device 3 lost a connection. */
    static final String LINK_DEAD = """
            1c000000 1a00 0000 00000000 00000000
            04 00 0000  0800 0100 03000000""";

    /** An error in words, with no more than the header of request 1. */
    static final String CAPPED_REFUSAL = """
            68000000 0200 0003 01000000 8f4c0000
            eaffffff  44000000 1000 0500 01000000 00000000
            2700 0100 417474726962757465206661696c656420706f6c6963792076616c69646174696f6e 00 00
            0800 0200 14000000
            1400 0480 0800 0700 0f000000 0800 0100 0c000000""";

    /** The same with the whole request. */
    static final String REFUSAL = """
            64000000 0200 0002 01000000 8f4c0000
            eaffffff  1a000000 1000 0500 01000000 00000000 03 02 0000 0600 0200 7878 0000
            2700 0100 417474726962757465206661696c656420706f6c6963792076616c69646174696f6e 00 00
            0800 0200 14000000 0400 6300""";

    private Golden() {}

    static ByteBuffer bytes(String hex) {
        assertEquals(ByteOrder.LITTLE_ENDIAN, ByteOrder.nativeOrder(), "the bytes are a little-endian machine's");
        return ByteBuffer.wrap(HexFormat.of().parseHex(hex.replaceAll("\\s", "")))
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    static String hex(ByteBuffer bytes) {
        byte[] array = new byte[bytes.remaining()];
        bytes.duplicate().get(array);
        return HexFormat.of().formatHex(array);
    }

    static String plain(String hex) {
        return hex.replaceAll("\\s", "");
    }
}
