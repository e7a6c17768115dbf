package org.nbdrunner.api.export;

import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.osgi.annotation.versioning.ProviderType;

/** The exports that NBD clients can open. For use by any thread. */
@ProviderType
public interface Exports {

    /**
     * The names of all exports, {@code HANDLER/KEY}, sorted. A backstore whose handler is not present is not listed.
     *
     * @return a snapshot
     */
    List<String> names();

    /**
     * Opens an export by name, for one newstyle connection. The empty name means the only export there is.
     *
     * @param name {@code HANDLER/KEY}
     * @param listener told when the connection must end
     * @return what the connection submits its requests to; the caller closes it
     * @throws StorageException {@link Errno#ENOENT} if there is none of this name, otherwise what opening the backstore met
     */
    OpenExport open(String name, ExportListener listener) throws StorageException;

    /**
     * Opens the export of a backstore that is being mapped, for one legacy connection.
     *
     * @param cfgstring the backstore's name, with or without options
     * @param listener told when the connection must end
     * @return what the connection submits its requests to; the caller closes it
     * @throws StorageException {@link Errno#EINVAL} if no mapping of this backstore was announced, otherwise what opening it met
     */
    OpenExport openMapped(String cfgstring, ExportListener listener) throws StorageException;
}
