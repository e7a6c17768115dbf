package org.nbdrunner.handler.file.internal;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Where a file is below the handler's directory: names of directories, and the name of the file. None of them can lead upward or out.
 * Immutable.
 *
 * @param directories from the top; may be empty
 * @param file the last name
 */
record RelativePath(List<String> directories, String file) {
    /** Ends the names of files that are being made, which no backstore may have. */
    static final String UNFINISHED = ".nbd-runner-tmp";

    private static final int MAX_NAME_BYTES = 255;

    /**
     * Takes a key apart.
     *
     * @param key the backstore's
     * @return where it is
     * @throws StorageException {@link Errno#EINVAL} if it is no plain path below the directory
     */
    static RelativePath parse(String key) throws StorageException {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(key) || key.indexOf('\0') >= 0) {
            throw refused(key, "it has characters that no file name can have");
        }
        List<String> names = List.of(key.split("/", -1));
        for (String name : names) {
            if (name.isEmpty()) {
                throw refused(
                        key,
                        "it must be relative to the handler's directory, without a / at its start, end or doubled");
            }
            if (name.equals(".") || name.equals("..")) {
                throw refused(key, "it must not contain " + name);
            }
            if (name.endsWith(UNFINISHED)) {
                throw refused(key, "names ending in " + UNFINISHED + " are for files that are being made");
            }
            if (name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
                throw new StorageException(
                        Errno.ENAMETOOLONG,
                        "a name in the path is over " + MAX_NAME_BYTES + " bytes long: " + name.substring(0, 32) + "…");
            }
        }
        return new RelativePath(names.subList(0, names.size() - 1), names.get(names.size() - 1));
    }

    private static StorageException refused(String key, String why) {
        return new StorageException(Errno.EINVAL, key + " cannot be the path of a file: " + why);
    }

    @Override
    public String toString() {
        return directories.isEmpty() ? file : String.join("/", directories) + "/" + file;
    }
}
