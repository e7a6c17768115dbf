package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * NBD_OPT_INFO and NBD_OPT_GO: what an export is; after the latter the transmission phase follows.
 *
 * <pre>
 * u32 name length | name | u16 count | u16 information request (count times)
 * </pre>
 */
final class InfoOption implements Option {
    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        String name = data.remaining() < 6 ? null : Session.string(data, data.getInt());
        if (name == null
                || data.remaining() < 2
                || data.remaining() != 2 + 2 * (data.getShort(data.position()) & 0xffff)) {
            session.refuse(
                    option, Nbd.REP_ERR_INVALID, "the name or the number of requests does not fit the option's length");
            return Next.OPTION;
        }
        data.getShort();
        OpenExport export;
        try {
            export = session.exports().open(name, session.listener());
        } catch (StorageException e) {
            session.refuse(option, error(e.errno()), e.getMessage());
            return Next.OPTION;
        }
        boolean go = false;
        try {
            go = describe(session, option, export, data) && option == Nbd.OPT_GO;
        } finally {
            if (!go) {
                export.close(true);
            }
        }
        if (!go) {
            return Next.OPTION;
        }
        session.agreement = agreement(session, export, name);
        return Next.TRANSMISSION;
    }

    private static int error(Errno errno) {
        return switch (errno) {
            case EPERM, EACCES -> Nbd.REP_ERR_POLICY;
            case ENOTSUP -> Nbd.REP_ERR_PLATFORM;
            default -> Nbd.REP_ERR_UNKNOWN;
        };
    }

    private static boolean describe(Session session, int option, OpenExport export, ByteBuffer requests)
            throws IOException {
        VolumeInfo info = export.info();
        boolean wantsName = false;
        boolean wantsDescription = false;
        boolean wantsBlockSize = false;
        while (requests.hasRemaining()) {
            switch (requests.getShort()) {
                case Nbd.INFO_NAME -> wantsName = true;
                case Nbd.INFO_DESCRIPTION -> wantsDescription = true;
                case Nbd.INFO_BLOCK_SIZE -> wantsBlockSize = true;
                default -> {} // what a server does not know it leaves out
            }
        }
        if (!wantsBlockSize && info.minimumBlock() > 1) {
            session.refuse(
                    option,
                    Nbd.REP_ERR_BLOCK_SIZE_REQD,
                    "requests to this export are multiples of " + info.minimumBlock()
                            + " bytes: ask for NBD_INFO_BLOCK_SIZE");
            return false;
        }
        session.reply(option, Nbd.REP_INFO)
                .putShort((short) Nbd.INFO_EXPORT)
                .putLong(info.size())
                .putShort((short) flags(session, info));
        session.send();
        if (wantsName) {
            text(session, option, Nbd.INFO_NAME, export.name());
        }
        if (wantsDescription && !info.description().isEmpty()) {
            text(session, option, Nbd.INFO_DESCRIPTION, info.description());
        }
        if (wantsBlockSize) {
            session.reply(option, Nbd.REP_INFO)
                    .putShort((short) Nbd.INFO_BLOCK_SIZE)
                    .putInt(info.minimumBlock())
                    .putInt(info.preferredBlock())
                    .putInt(info.maximumPayload());
            session.send();
        }
        session.acknowledge(option);
        return true;
    }

    private static void text(Session session, int option, int type, String text) throws IOException {
        session.reply(option, Nbd.REP_INFO).putShort((short) type).put(Nbd.text(text, Nbd.MAX_STRING));
        session.send();
    }

    /** The transmission flags that a client is told. */
    static int flags(Session session, VolumeInfo info) {
        return TransmissionFlags.of(info) | (session.mode == ReplyMode.SIMPLE ? 0 : TransmissionFlags.SEND_DF);
    }

    static Agreement agreement(Session session, OpenExport export, String name) {
        return new Agreement(export, session.mode, name.equals(session.contextExport));
    }
}
