package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.nbdrunner.engine.internal.Nbd;

/** NBD_OPT_LIST: one NBD_REP_SERVER for each export, then an acknowledgement. */
final class ListOption implements Option {
    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        if (data.hasRemaining()) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "NBD_OPT_LIST takes no data");
            return Next.OPTION;
        }
        for (String name : session.exports().names()) {
            byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
            session.reply(option, Nbd.REP_SERVER).putInt(bytes.length).put(bytes);
            session.send();
        }
        session.acknowledge(option);
        return Next.OPTION;
    }
}
