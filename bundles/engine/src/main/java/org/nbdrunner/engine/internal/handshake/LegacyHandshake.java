package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.transmission.ReplyMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The negotiation of gluster/nbd-runner's clients, in the client's byte order:
 *
 * <pre>
 * client: u32 length | cfgstring                server: s32 exit (0 or -errno) | s32 length | text
 * </pre>
 *
 * After exit 0 the transmission phase follows; size and flags were agreed over the control connection.
 */
public final class LegacyHandshake implements Handshake {
    private static final Logger LOG = LoggerFactory.getLogger(LegacyHandshake.class);
    private static final int MAX_CFGSTRING = 1024;

    private final Exports exports;

    /**
     * For one connection.
     *
     * @param exports what can be had
     */
    public LegacyHandshake(Exports exports) {
        this.exports = exports;
    }

    @Override
    public Agreement perform(Wire wire, ExportListener listener) throws IOException {
        ByteBuffer head = wire.need(4);
        int length = head.getInt();
        // A sane length is below 2^16, so that the other order is above it.
        ByteOrder order = length >>> 16 == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        if (order == ByteOrder.LITTLE_ENDIAN) {
            length = Integer.reverseBytes(length);
        }
        if (length < 1 || length > MAX_CFGSTRING) {
            answer(wire, order, Errno.EINVAL, "Invalid length of the backstore's name");
            LOG.warn("{} sent a name of {} bytes, 1 to {} are allowed", wire.peer(), length, MAX_CFGSTRING);
            return null;
        }
        byte[] name = new byte[length];
        wire.need(length).get(name);
        OpenExport export;
        try {
            export = exports.openMapped(new String(name, StandardCharsets.UTF_8), listener);
        } catch (StorageException e) {
            LOG.warn("{} is refused: {}", wire.peer(), e.getMessage());
            answer(wire, order, e.errno(), e.getMessage());
            return null;
        }
        try {
            answer(wire, order, null, "");
        } catch (IOException e) {
            export.close(false);
            throw e;
        }
        return new Agreement(export, ReplyMode.SIMPLE, false);
    }

    private static void answer(Wire wire, ByteOrder order, Errno errno, String text) throws IOException {
        byte[] bytes = Nbd.text(text, MAX_CFGSTRING);
        ByteBuffer out = wire.out().order(order);
        out.putInt(errno == null ? 0 : -errno.number()).putInt(bytes.length).put(bytes);
        out.order(ByteOrder.BIG_ENDIAN);
        wire.send();
    }
}
