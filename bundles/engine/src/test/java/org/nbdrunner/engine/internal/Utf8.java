package org.nbdrunner.engine.internal;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text as the protocol wants it. */
final class Utf8 {
    private Utf8() {}

    /** Decodes; fails on what is not UTF-8. */
    static String decode(byte... bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new AssertionError("not UTF-8: " + Bytes.hex(bytes), e);
        }
    }
}
