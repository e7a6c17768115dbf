package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;

/** NBD_OPT_ABORT: the client leaves. It is answered, though the client may not wait for that. */
final class AbortOption implements Option {
    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        session.acknowledge(option);
        return Next.END;
    }
}
