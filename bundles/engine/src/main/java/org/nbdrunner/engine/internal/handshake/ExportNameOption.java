package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** NBD_OPT_EXPORT_NAME: goes on to transmission at once. It has no reply for errors: the connection ends. */
final class ExportNameOption implements Option {
    private static final Logger LOG = LoggerFactory.getLogger(ExportNameOption.class);

    /** What a client may assume that was not told: disks with larger blocks are not for it. */
    private static final int ASSUMED_BLOCK = 512;

    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        String name = Session.string(data, data.remaining());
        if (name == null) {
            LOG.warn(
                    "{} asked for an export by a name that is too long or has a NUL",
                    session.wire().peer());
            return Next.END;
        }
        OpenExport export;
        try {
            export = session.exports().open(name, session.listener());
        } catch (StorageException e) {
            LOG.warn("{} is refused: {}", session.wire().peer(), e.getMessage());
            return Next.END;
        }
        boolean agreed = false;
        try {
            if (export.info().minimumBlock() > ASSUMED_BLOCK) {
                LOG.warn(
                        "{} is refused: {} needs a client that takes block sizes",
                        session.wire().peer(),
                        name);
                return Next.END;
            }
            ByteBuffer out = session.wire().out();
            out.putLong(export.info().size()).putShort((short) InfoOption.flags(session, export.info()));
            if (!session.noZeroes) {
                out.put(new byte[124]);
            }
            session.wire().send();
            agreed = true;
        } finally {
            if (!agreed) {
                export.close(true);
            }
        }
        session.agreement = InfoOption.agreement(session, export, name);
        return Next.TRANSMISSION;
    }
}
