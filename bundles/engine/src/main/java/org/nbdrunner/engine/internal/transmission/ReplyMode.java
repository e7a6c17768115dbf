package org.nbdrunner.engine.internal.transmission;

/** Which headers requests and replies have, as negotiated. */
public enum ReplyMode {
    /** Compact requests, simple replies. */
    SIMPLE(28, 16, 16),
    /** Compact requests; reads, block status and errors with a text are answered in chunks. */
    STRUCTURED(28, 28, 16),
    /** Extended requests; everything is answered in extended chunks. */
    EXTENDED(32, 40, 32);

    /** Bytes of a request's header. */
    final int requestHeader;

    /** Bytes before the data of a read's reply. */
    final int dataHeader;

    /** Bytes of a reply that only says that a request was done. */
    final int doneReply;

    ReplyMode(int requestHeader, int dataHeader, int doneReply) {
        this.requestHeader = requestHeader;
        this.dataHeader = dataHeader;
        this.doneReply = doneReply;
    }
}
