package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.tls.TlsMode;

/** NBD_OPT_STARTTLS: all that follows is encrypted, and what was negotiated before is void. */
final class StartTlsOption implements Option {
    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        if (data.hasRemaining()) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "NBD_OPT_STARTTLS takes no data");
        } else if (session.encrypted) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "the connection is encrypted already");
        } else if (session.tls().mode() == TlsMode.OFF) {
            session.refuse(option, Nbd.REP_ERR_UNSUP, "this server has no TLS");
        } else if (session.wire().hasMore()) {
            // Sent before the answer was seen, so not by an honest client: it would count as encrypted.
            throw new ProtocolException("data follow NBD_OPT_STARTTLS before TLS has begun");
        } else {
            session.acknowledge(option);
            session.wire().encrypt(session.tls().engines().get());
            session.forgetForTls();
        }
        return Next.OPTION;
    }
}
