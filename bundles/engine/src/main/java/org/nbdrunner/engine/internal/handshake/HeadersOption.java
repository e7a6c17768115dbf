package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** NBD_OPT_STRUCTURED_REPLY and NBD_OPT_EXTENDED_HEADERS: other headers in the transmission phase. The latter implies the former. */
final class HeadersOption implements Option {
    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        ReplyMode wanted = option == Nbd.OPT_EXTENDED_HEADERS ? ReplyMode.EXTENDED : ReplyMode.STRUCTURED;
        if (data.hasRemaining()) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "this option takes no data");
        } else if (session.mode == wanted) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "this was negotiated already");
        } else if (session.mode == ReplyMode.EXTENDED) {
            session.refuse(option, Nbd.REP_ERR_EXT_HEADER_REQD, "extended headers were negotiated already");
        } else {
            session.mode = wanted;
            session.acknowledge(option);
        }
        return Next.OPTION;
    }
}
