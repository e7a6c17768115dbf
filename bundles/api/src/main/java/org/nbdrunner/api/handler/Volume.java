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
     * What this volume is and can. Called often: return a stored object. It may change while the volume is open, when the
     * backstore is resized; clients that connect later see the new size.
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
     * none) and is aligned to its minimum block size; a read or write has at most {@link VolumeInfo#maximumPayload()} bytes.
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
     * Closes the volume. Nothing is submitted any more and everything submitted has completed; a flush came before, if the volume
     * can flush. Ends in bounded time.
     *
     * @throws IOException if something was lost; it is logged
     */
    @Override
    void close() throws IOException;
}
