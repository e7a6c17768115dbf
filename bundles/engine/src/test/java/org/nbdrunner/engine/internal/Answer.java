package org.nbdrunner.engine.internal;

import java.nio.ByteBuffer;

/** One reply to an option. */
final class Answer {
    private final int option;
    private final int type;
    private final byte[] data;

    Answer(int option, int type, byte[] data) {
        this.option = option;
        this.type = type;
        this.data = data;
    }

    int option() {
        return option;
    }

    int type() {
        return type;
    }

    byte[] data() {
        return data;
    }

    boolean isError() {
        return type < 0;
    }

    boolean isFinal() {
        return isError() || type == Nbd.REP_ACK;
    }

    String text() {
        return Utf8.decode(data);
    }

    ByteBuffer buffer() {
        return ByteBuffer.wrap(data);
    }

    @Override
    public String toString() {
        return String.format(
                "%d: %s %s", option, Integer.toUnsignedString(type, 16), isError() ? text() : Bytes.hex(data));
    }
}
