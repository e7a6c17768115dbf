package org.nbdrunner.api.handler;

import java.io.IOException;
import java.util.Set;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A kind of storage: makes, deletes and opens backstores.
 *
 * <p>Register it as an OSGi service with the property {@value HandlerName#PROPERTY} (see {@link HandlerName}). While the
 * service is registered its backstores can be used; when it goes away, their volumes are drained, flushed and closed, and
 * opened again by the next handler of the same name.
 *
 * <p><strong>Threads.</strong> Methods are called from several threads at once, but never two at once for the same backstore,
 * and may block; every call should end in bounded time, with an error if need be.
 *
 * <p><strong>Errors.</strong> Throw {@link StorageException} to choose the error number and the text a user sees; any other
 * {@link IOException} is translated by {@link Errno#of(Throwable)}. Texts name the thing and, where there is one, the remedy;
 * they never hold a secret.
 */
@ConsumerType
public interface Handler {

    /**
     * The options that may follow the key in a {@link Cfgstring} of this handler, by name. An option that is not listed is
     * refused before the handler sees it; a listed one is kept in the saved configuration.
     *
     * @return names, without {@code ;} and {@code =}; empty (the default) if there are none
     */
    default Set<String> options() {
        return Set.of();
    }

    /**
     * Makes a backstore. What exists already is never overwritten.
     *
     * @param cfg names it
     * @param size bytes; positive, a multiple of 512
     * @param preallocate whether all of its space is to be reserved now
     * @param progress told from time to time how far a long creation has come
     * @throws StorageException {@link Errno#EEXIST} if something of this name exists, {@link Errno#ENOSPC} if it does not fit,
     *     {@link Errno#EINVAL} if the name cannot be used
     * @throws IOException on any other failure; then nothing is left behind
     */
    void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException;

    /**
     * Deletes a backstore and its data. It is not open.
     *
     * @param cfg names it
     * @throws StorageException {@link Errno#ENOENT} if there is none
     * @throws IOException on any other failure
     */
    void delete(Cfgstring cfg) throws IOException;

    /**
     * Opens a backstore, whether it was made by {@link #create} or by another program.
     *
     * @param cfg names it
     * @param options how
     * @return the open volume; the caller closes it
     * @throws StorageException {@link Errno#ENOENT} if there is none
     * @throws IOException on any other failure
     */
    Volume open(Cfgstring cfg, OpenOptions options) throws IOException;
}
