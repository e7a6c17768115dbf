package org.nbdrunner.api.export;

import java.time.Duration;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.osgi.annotation.versioning.ProviderType;

/**
 * An export as one connection has it: a volume behind its gate.
 *
 * <p>{@link #submit} is called by the connection's reading thread alone; {@link #completed} by any thread.
 */
@ProviderType
public interface OpenExport extends AutoCloseable {

    /**
     * The export's name.
     *
     * @return {@code HANDLER/KEY}
     */
    String name();

    /**
     * What the connection was given: the volume's description when it was opened, read-only if the mapping is.
     *
     * @return the same object every time
     */
    VolumeInfo info();

    /**
     * How far the connection's requests may reach. A mapped device stays connected when its backstore grows, and is told of the new size
     * otherwise; for other clients what {@link #info()} has said holds as long as they are connected.
     *
     * @return bytes, at least those of {@link #info()}
     */
    default long reach() {
        return info().size();
    }

    /**
     * How long the volume may take for a request. One that takes longer is failed, so that the client need not wait for ever; the volume
     * may still complete it, which is then of no consequence but for {@link #completed}.
     *
     * @return positive
     */
    default Duration requestTimeout() {
        return Duration.ofSeconds(30);
    }

    /**
     * Hands a request to the volume, unless the gate is closed. A request that was taken completes, once; then {@link #completed} must
     * be called, once. An exception of the volume fails the request.
     *
     * @param request checked against {@link #info()}: command, bounds, alignment
     * @return false if the gate is closed and the request was not taken
     */
    boolean submit(IoRequest request);

    /** A request that {@link #submit} took has completed. */
    void completed();

    /**
     * Waits for the gate to open, as long as the mapping's timeout allows from when the gate closed.
     *
     * @throws StorageException {@link Errno#EIO} if it did not open in time: the request is to be failed with this, and the next one
     *     fails at once until the gate opens again
     * @throws InterruptedException if the thread was interrupted
     */
    void awaitOpen() throws StorageException, InterruptedException;

    /**
     * The client is gone: nothing more is submitted, but what is in flight may take a while before {@link #close} can follow. From here on
     * the connection does not keep its mapping alive, so that the client can come back; one that does is let through when what this one
     * left behind has completed. Calling it is optional and does no harm twice.
     */
    default void disconnected() {}

    /**
     * The connection is over, and everything it submitted has completed or was given up as overdue.
     *
     * @param clean whether the client said goodbye ({@code NBD_CMD_DISC})
     */
    void close(boolean clean);

    /** The connection is over without the client having said goodbye. */
    @Override
    default void close() {
        close(false);
    }
}
