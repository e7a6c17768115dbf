package org.nbdrunner.handler.ceph.internal;

import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * What a key names: {@code POOL[/NAMESPACE]/IMAGE[@SNAP]}, as the {@code rbd} command has it.
 *
 * @param pool the pool
 * @param namespace of the pool; empty for the default one
 * @param image the image
 * @param snapshot the snapshot, or {@code null}
 */
record ImageName(String pool, String namespace, String image, String snapshot) {

    /**
     * Takes a key apart.
     *
     * @param key the key
     * @return its parts
     * @throws StorageException {@link Errno#EINVAL} if it is of another form
     */
    static ImageName parse(String key) throws StorageException {
        int at = key.indexOf('@');
        String path = at < 0 ? key : key.substring(0, at);
        String snapshot = at < 0 ? null : key.substring(at + 1);
        String[] parts = path.split("/", -1);
        boolean wellFormed = (parts.length == 2 || parts.length == 3)
                && (snapshot == null
                        || (!snapshot.isEmpty() && snapshot.indexOf('@') < 0 && snapshot.indexOf('/') < 0));
        for (String part : parts) {
            wellFormed &= !part.isEmpty();
        }
        if (!wellFormed) {
            throw new StorageException(Errno.EINVAL, key + " is not of the form POOL[/NAMESPACE]/IMAGE[@SNAP]");
        }
        return new ImageName(parts[0], parts.length == 3 ? parts[1] : "", parts[parts.length - 1], snapshot);
    }

    /** The same without the snapshot: what can be created and deleted. */
    ImageName whole(String what) throws StorageException {
        if (snapshot != null) {
            throw new StorageException(
                    Errno.EINVAL,
                    this + " is a snapshot: " + what + " it with the rbd command, here it can only be read");
        }
        return this;
    }

    @Override
    public String toString() {
        return pool + "/" + (namespace.isEmpty() ? "" : namespace + "/") + image
                + (snapshot == null ? "" : "@" + snapshot);
    }
}
