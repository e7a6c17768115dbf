package org.nbdrunner.api.handler;

import java.io.IOException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * An open backstore: what requests are submitted to.
 *
 * <p>Storage with blocking calls extends {@link SimpleVolume} instead of implementing this.
 */
@ConsumerType
public interface Volume extends AutoCloseable {

    /**
     * What this volume is and can. Asked for each new connection, not for each request: return a stored object, or one with the size that
     * the storage has now, if it tells at once. The size may change while the volume is open, when the backstore is resized, through
     * {@link #resize} or behind its back; clients that connect later see the new size. Nothing else changes.
     *
     * @return the current description
     */
    VolumeInfo info();

    /**
     * Begins a request. Exactly one of {@link IoRequest#complete()} and {@link IoRequest#fail(Errno, String)} must follow, in this
     * call or later, on any thread; requests may complete in any order.
     *
     * <p>What the volume can rely on: the command is one that {@link #info()} says it can do ({@link Command#READ} always,
     * {@link Command#WRITE} unless read-only); the range lies within its size, is not empty (save for {@link Command#FLUSH}, which has
     * none) and is aligned to its minimum block size; a read or write has at most {@link VolumeInfo#maximumPayload()} bytes. A client that
     * came before the volume was made smaller may still ask for what is beyond the end: fail that with {@link Errno#EIO}, and change
     * nothing.
     *
     * <p>This is called by several threads at once, and from threads that serve other requests of the same client: it must not wait
     * for storage. Answer at once, or hand over. An exception thrown from here fails the request.
     *
     * <p>A flush covers every write that <em>completed</em> before the flush was submitted: when it completes, they are on stable
     * storage. With {@link Capability#MULTI_CONN} (and generally, since one volume serves all connections) that holds whichever
     * connection they came from.
     *
     * @param request lent until it completes
     */
    void submit(IoRequest request);

    /**
     * Gives the backstore another size, which {@link #info()} tells when this returns, and which is on stable storage then. What it holds
     * up to the end of the smaller of the two sizes stays as it is. What is added reads as zeroes, and need not take space before it is
     * written. What is cut off is gone: it does not come back when the backstore is made larger again.
     *
     * <p>Called by one thread at a time, never after {@link #close} has begun; it may block, and ends in bounded time. When the size
     * grows, requests go on meanwhile. When it shrinks, which the user has then confirmed, nothing is in flight and nothing is submitted.
     *
     * <p>The default refuses.
     *
     * @param size bytes; a positive multiple of 512 and of {@link VolumeInfo#minimumBlock()}, not the present one
     * @throws StorageException {@link Errno#ENOTSUP} if this kind of storage cannot be resized, {@link Errno#EROFS} if it cannot be
     *     written, {@link Errno#ENOSPC} or {@link Errno#EFBIG} if it cannot become so large
     * @throws IOException on any other failure. Whenever this throws, {@link #info()} tells the size that the backstore has
     * @since 1.1
     */
    default void resize(long size) throws IOException {
        throw new StorageException(Errno.ENOTSUP, "this kind of backstore cannot be resized");
    }

    /**
     * Closes the volume. Nothing is submitted any more and everything submitted has completed; a flush came before, if the volume
     * can flush. Ends in bounded time.
     *
     * @throws IOException if something was lost; it is logged
     */
    @Override
    void close() throws IOException;
}
