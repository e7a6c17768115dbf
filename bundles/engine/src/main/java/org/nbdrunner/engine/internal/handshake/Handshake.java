package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import org.nbdrunner.api.export.ExportListener;

/** Leads a client from connecting to an export. One object serves one connection, on its thread. */
public interface Handshake {

    /**
     * Talks with the client.
     *
     * @param wire the connection
     * @param listener told when the connection loses the export that was agreed on
     * @return the agreement; null if the client left, or asked for what it cannot have, and was told so
     * @throws IOException if the connection broke, or the client broke the protocol
     */
    Agreement perform(Wire wire, ExportListener listener) throws IOException;
}
