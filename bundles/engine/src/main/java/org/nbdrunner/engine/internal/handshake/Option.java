package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;

/** How one option of the newstyle handshake is answered. Without state: one object serves all connections. */
interface Option {

    /** What comes after an option. */
    enum Next {
        /** The next option. */
        OPTION,
        /** The transmission phase; the session has the agreement. */
        TRANSMISSION,
        /** The end of the connection. */
        END
    }

    /**
     * Answers the option.
     *
     * @param session what was agreed so far
     * @param option its number
     * @param data its data, all of them, from position to limit
     * @return what comes next
     * @throws IOException if the connection broke
     */
    Next answer(Session session, int option, ByteBuffer data) throws IOException;
}
