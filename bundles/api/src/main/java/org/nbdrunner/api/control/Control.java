package org.nbdrunner.api.control;

import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The operations on backstores and their mappings. For use by any thread; calls block until done, and every change is on disk before a
 * call returns.
 *
 * <p>A mapping is made in three steps: {@link #premap} opens the backstore and tells where its I/O is served; the caller connects there
 * and gives the connection to its kernel; {@link #postmap} reports the device, or an empty device if the mapping failed. {@link #unmap}
 * comes before the device is disconnected.
 *
 * <p>A handler is named as users type it ({@code file}); a backstore by its cfgstring, of which the part before the first semicolon is
 * its identity, across all handlers.
 */
@ProviderType
public interface Control {

    /**
     * Makes a backstore; it is then {@link BackstoreState#CREATED}.
     *
     * @param handler the handler
     * @param cfgstring the backstore
     * @param size bytes, a positive multiple of 512
     * @param preallocate whether all of its space is reserved now
     * @param progress told how far a long creation has come
     * @throws ControlException {@link Errno#EEXIST} if there is one of this name, {@link Errno#ENODEV} if there is no such handler,
     *     {@link Errno#EINVAL} for a bad name, option or size, or what the handler met
     */
    void create(String handler, String cfgstring, long size, boolean preallocate, ProgressListener progress)
            throws ControlException;

    /**
     * Deletes a backstore and its data.
     *
     * @param handler the handler
     * @param cfgstring the backstore
     * @throws ControlException {@link Errno#EBUSY} if it is mapped or a client is connected, {@link Errno#ENOENT} if there is none
     */
    void delete(String handler, String cfgstring) throws ControlException;

    /**
     * Gives a backstore another size. Clients that are connected keep the size that they know: a mapped device has to be told of the new
     * one afterwards, by the machine that it belongs to.
     *
     * @param handler the handler
     * @param cfgstring the backstore
     * @param size bytes, a positive multiple of 512 and of the backstore's block size
     * @param force whether it may become smaller, so that what is beyond its new end is lost
     * @return the device that it is mapped to, or empty
     * @throws ControlException {@link Errno#ENOENT} if there is no such backstore, {@link Errno#EBUSY} if it would become smaller while
     *     clients use it, {@link Errno#EINVAL} if it would become smaller, both only without force, or if the size is none;
     *     {@link Errno#ENOTSUP} if the handler cannot resize, or the runner is too old to; or what the handler met
     */
    String resize(String handler, String cfgstring, long size, boolean force) throws ControlException;

    /**
     * Opens a backstore for mapping; one that was not made by {@link #create} is adopted if its handler can open it. The backstore is
     * then {@link BackstoreState#MAPPING}; a {@link BackstoreState#DEAD} one stays so until {@link #postmap}.
     *
     * @param handler the handler
     * @param cfgstring the backstore
     * @param readOnly whether writes are refused
     * @param timeout seconds that an I/O may take; positive
     * @return where its I/O is served; names a device if the mapping is dead and that device should be reconnected
     * @throws ControlException {@link Errno#EBUSY} if it is mapped already, with the device in the text
     */
    Premapped premap(String handler, String cfgstring, boolean readOnly, int timeout) throws ControlException;

    /**
     * Reports how a mapping went.
     *
     * @param handler the handler
     * @param cfgstring the backstore
     * @param device {@code /dev/nbdX}; empty if it failed: a mapping that was begun is rolled back, a live one is left alone
     * @param mapTime when, {@code YYYY-MM-DD hh:mm:ss} in the client's time
     * @throws ControlException {@link Errno#ENOENT} if there is no such backstore, {@link Errno#EINVAL} if no mapping was begun
     */
    void postmap(String handler, String cfgstring, String device, String mapTime) throws ControlException;

    /**
     * Announces that a device is about to be disconnected. Either name may be empty, not both.
     *
     * @param handler the handler
     * @param cfgstring the backstore, or empty
     * @param device the device, or empty
     * @return the device to disconnect
     * @throws ControlException {@link Errno#ENODEV} if there is no such mapping
     */
    String unmap(String handler, String cfgstring, String device) throws ControlException;

    /**
     * Lists backstores.
     *
     * @param handler the handler, or empty for all
     * @return sorted by key
     * @throws ControlException if the list cannot be had
     */
    List<BackstoreInfo> list(String handler) throws ControlException;

    /**
     * Lists the handlers present.
     *
     * @return sorted by name
     * @throws ControlException {@link Errno#ENOTSUP} if the runner is too old to tell
     */
    List<HandlerInfo> handlers() throws ControlException;
}
