package org.nbdrunner.handler.azblk.internal;

import org.nbdrunner.api.handler.StorageException;

/** Where the credentials of one blob come from. A file may be replaced while its blob is in use. For use by any thread. */
final class CredentialSource {
    private final CredentialFiles files;
    private final BlobAddress address;
    private volatile Credentials current;

    /**
     * The credentials that an address names.
     *
     * @throws StorageException if they cannot be read
     */
    CredentialSource(CredentialFiles files, BlobAddress address) throws StorageException {
        this.files = files;
        this.address = address;
        if (address.auth().isEmpty()) {
            current = new Credentials.Sas(address.sas()); // which may be empty: anybody may read some containers
        } else {
            current = files.read(address);
        }
    }

    Credentials current() {
        return current;
    }

    /**
     * Looks for newer credentials once some were refused.
     *
     * @throws StorageException if the file cannot be read any more
     */
    void reload() throws StorageException {
        if (!address.auth().isEmpty()) {
            current = files.read(address);
        }
    }

    /** Whether {@link #reload} can change anything. */
    boolean canReload() {
        return !address.auth().isEmpty();
    }
}
