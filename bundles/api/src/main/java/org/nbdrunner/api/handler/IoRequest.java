package org.nbdrunner.api.handler;

import java.nio.ByteBuffer;
import org.osgi.annotation.versioning.ProviderType;

/**
 * One request to a {@link Volume}, lent from {@link Volume#submit} until it completes; afterwards neither the request nor its buffer
 * may be touched, for they serve other requests.
 *
 * <p>It may be handed from thread to thread, but is not for use by several at once. Completing a request twice is a mistake of the
 * handler: the second completion is ignored and logged where it can be noticed.
 */
@ProviderType
public interface IoRequest {

    /**
     * What is asked for.
     *
     * @return the command
     */
    Command command();

    /**
     * Where the range begins.
     *
     * @return bytes from the start of the volume; 0 for {@link Command#FLUSH}
     */
    long offset();

    /**
     * How long the range is.
     *
     * @return bytes; 0 for {@link Command#FLUSH}
     */
    long length();

    /**
     * The data of a read or write: a direct buffer, big-endian, whose {@code remaining()} is {@link #length()} and whose position need
     * not be 0. A volume fills (read) or consumes (write) what lies between position and limit; it may move both. Before it completes a
     * read it must have filled all of it: what it leaves out holds bytes of earlier requests, perhaps of other clients.
     *
     * @return the buffer, or {@code null} for the other commands
     */
    ByteBuffer buffer();

    /**
     * Whether the effect must be on stable storage before the request completes ({@code NBD_CMD_FLAG_FUA}). Only a volume with {@link
     * Capability#FUA} sees this set, on {@link Command#WRITE}, {@link Command#WRITE_ZEROES} and {@link Command#TRIM}.
     *
     * @return true if so
     */
    boolean fua();

    /**
     * Whether {@link Command#WRITE_ZEROES} must leave the range allocated ({@code NBD_CMD_FLAG_NO_HOLE}).
     *
     * @return true if so
     */
    boolean noHole();

    /**
     * Whether {@link Command#WRITE_ZEROES} must fail at once with {@link Errno#ENOTSUP}, changing nothing, when it would be no faster than
     * writing zeroes ({@code NBD_CMD_FLAG_FAST_ZERO}). Only a volume with {@link Capability#FAST_ZERO} sees this set.
     *
     * @return true if so
     */
    boolean fastZero();

    /**
     * Whether one extent is enough for {@link Command#BLOCK_STATUS} ({@code NBD_CMD_FLAG_REQ_ONE}).
     *
     * @return true if so
     */
    boolean oneExtent();

    /**
     * Adds the next extent to the answer of {@link Command#BLOCK_STATUS}. Extents follow one another without gaps from {@link #offset()};
     * the last may reach beyond the range, and together they may end before its end, but at least one is needed. Neighbours of the same
     * kind are joined.
     *
     * @param length bytes, positive
     * @param hole whether the extent is not allocated
     * @param zero whether it reads as zeroes
     * @return false if no further extent is wanted
     */
    boolean extent(long length, boolean hole, boolean zero);

    /** Ends the request well: all of it was done. */
    void complete();

    /**
     * Ends the request badly. The range of a failed write may hold old data, new data or a mix.
     *
     * @param error sent to the client, as the nearest of the numbers that NBD knows
     * @param message for the log and, where the client can take it, for the client
     */
    void fail(Errno error, String message);

    /**
     * Ends the request badly, with the error that {@link Errno#of(Throwable)} finds.
     *
     * @param cause why
     */
    default void fail(Throwable cause) {
        fail(Errno.of(cause), Errno.describe(cause));
    }
}
