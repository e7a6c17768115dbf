package org.nbdrunner.api.control;

import java.nio.file.Path;
import org.nbdrunner.api.handler.Errno;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Handlers come, change and go while clients do I/O. For use by any thread; one operation runs at a time, and a call blocks until it
 * is known how it ended. What was done still holds after a restart.
 */
@ProviderType
public interface HandlerAdmin {

    /**
     * Installs the bundle of a handler that is not there yet.
     *
     * @param bundle a jar file
     * @return what was installed, as {@code NAME VERSION}
     * @throws ControlException {@link Errno#EEXIST} if a bundle of its symbolic name is there ({@link #upgrade} is for that),
     *     {@link Errno#EINVAL} if the file is no bundle or wants another version of the API, {@link Errno#EIO} if it does not come to
     *     serve a handler in its time; then it is taken away again
     */
    String install(Path bundle) throws ControlException;

    /**
     * Puts a bundle in the place of the one of the same symbolic name that serves a handler. Clients of its volumes wait meanwhile. If
     * the new one does not start in its time, or cannot open a volume that clients use, the one before serves again.
     *
     * @param bundle a jar file
     * @return what serves now, as {@code NAME VERSION}
     * @throws ControlException {@link Errno#ENOENT} if no such bundle is there, {@link Errno#EINVAL} if the file is no bundle or wants
     *     another version of the API, {@link Errno#EIO} with the reason if it was rolled back
     */
    String upgrade(Path bundle) throws ControlException;

    /**
     * Adds a handler that was shipped, from its feature file, with all it needs.
     *
     * @param feature the handler, or the feature file's name without {@code .json}
     * @return what was added, as {@code NAME VERSION}
     * @throws ControlException {@link Errno#ENOENT} with those there are if there is no such feature, {@link Errno#EEXIST} if it is there
     *     already, {@link Errno#EIO} if it does not come to serve a handler in its time; then it is taken away again
     */
    String add(String feature) throws ControlException;

    /**
     * Takes a handler away, wherever it came from, with what only its feature needs.
     *
     * @param handler the handler
     * @param force even if clients use its backstores: mapped ones are {@link BackstoreState#DEAD} then, until it is back
     * @throws ControlException {@link Errno#ENODEV} if there is no such handler, {@link Errno#EBUSY} if its backstores are in use and
     *     force is false
     */
    void remove(String handler, boolean force) throws ControlException;
}
