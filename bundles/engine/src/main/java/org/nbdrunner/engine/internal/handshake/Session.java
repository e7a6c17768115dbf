package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** What a newstyle handshake has come to, and how options are answered. */
final class Session {
    private final Wire wire;
    private final Exports exports;
    private final ExportListener listener;
    private final TlsPolicy tls;

    /** Whether TLS has begun. */
    boolean encrypted;

    /** Whether the client knows the fixed newstyle and takes replies to all options. */
    boolean fixed;

    /** Whether the client wants no padding after NBD_OPT_EXPORT_NAME. */
    boolean noZeroes;

    ReplyMode mode = ReplyMode.SIMPLE;

    /** The export for which base:allocation was selected; null if none. */
    String contextExport;

    /** The outcome, once there is one. */
    Agreement agreement;

    Session(Wire wire, Exports exports, ExportListener listener, TlsPolicy tls) {
        this.wire = wire;
        this.exports = exports;
        this.listener = listener;
        this.tls = tls;
    }

    Wire wire() {
        return wire;
    }

    Exports exports() {
        return exports;
    }

    ExportListener listener() {
        return listener;
    }

    TlsPolicy tls() {
        return tls;
    }

    /** TLS has begun: nothing that could have been forged before counts any more. */
    void forgetForTls() {
        encrypted = true;
        mode = ReplyMode.SIMPLE;
        contextExport = null;
    }

    /**
     * Begins a reply; {@link #send} ends it.
     *
     * <pre>
     * u64 magic | u32 option | u32 reply type | u32 length | data
     * </pre>
     */
    ByteBuffer reply(int option, int type) {
        return wire.out()
                .putLong(Nbd.OPTION_REPLY_MAGIC)
                .putInt(option)
                .putInt(type)
                .putInt(0);
    }

    void send() throws IOException {
        ByteBuffer out = wire.out();
        out.putInt(16, out.position() - 20);
        wire.send();
    }

    void acknowledge(int option) throws IOException {
        reply(option, Nbd.REP_ACK);
        send();
    }

    /** Refuses an option, with a text for people. */
    void refuse(int option, int type, String text) throws IOException {
        reply(option, type).put(Nbd.text(text, Nbd.MAX_STRING));
        send();
    }

    /** Takes a string of known length from an option's data; null if the data do not hold it or it is no string. */
    static String string(ByteBuffer data, int length) {
        if (length < 0 || length > Nbd.MAX_STRING || length > data.remaining()) {
            return null;
        }
        byte[] bytes = new byte[length];
        data.get(bytes);
        String s = new String(bytes, StandardCharsets.UTF_8);
        return s.indexOf('\0') < 0 ? s : null;
    }
}
