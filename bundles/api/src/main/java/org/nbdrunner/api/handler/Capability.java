package org.nbdrunner.api.handler;

/** What a volume can do beyond reading and writing. Clients are offered exactly this, so claim only what holds. */
public enum Capability {
    /** {@link Command#FLUSH} makes completed writes durable. Without it clients assume that every write is durable when it completes. */
    FLUSH,
    /** {@link IoRequest#fua()} is honoured. */
    FUA,
    /** {@link Command#TRIM} does something. */
    TRIM,
    /** {@link Command#WRITE_ZEROES} is understood. */
    WRITE_ZEROES,
    /** {@link IoRequest#fastZero()} is honoured. Needs {@link #WRITE_ZEROES}. */
    FAST_ZERO,
    /** {@link Command#CACHE} does something. */
    CACHE,
    /** {@link Command#BLOCK_STATUS} tells extents truthfully. Without it all of the volume is reported as data. */
    BLOCK_STATUS,
    /** A flush on one connection covers the completed writes of all connections, and what one wrote the others read. */
    MULTI_CONN,
    /** Access is much faster in order than at random. */
    ROTATIONAL
}
