package org.nbdrunner.handler.gluster.internal;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Where a backstore is: {@code VOLUME/PATH}, or {@code VOLUME@SERVER[,SERVER…]/PATH}. Immutable.
 *
 * @param store the volume
 * @param path of the file, relative to the volume's top
 */
record Location(Store store, String path) {
    private static final Pattern VOLUME = Pattern.compile("[A-Za-z0-9_-]{1,255}");
    private static final int MAX_NAME_BYTES = 255;

    /**
     * A volume, and who is asked for its description.
     *
     * @param volume its name
     * @param servers in the order in which they are asked
     */
    record Store(String volume, List<Server> servers) {
        @Override
        public String toString() {
            return volume + " on "
                    + String.join(", ", servers.stream().map(Server::toString).toList());
        }
    }

    /**
     * Takes a key apart.
     *
     * @param key the backstore's
     * @param servers of volumes that name none
     * @return where it is
     * @throws StorageException {@link Errno#EINVAL} if it has another form
     */
    static Location parse(String key, List<Server> servers) throws StorageException {
        int slash = key.indexOf('/');
        if (slash < 0) {
            throw refused(key, "VOLUME/PATH or VOLUME@SERVER/PATH is wanted");
        }
        String volume = key.substring(0, slash);
        List<Server> asked = servers;
        int at = volume.indexOf('@');
        if (at >= 0) {
            asked = Server.parse(volume.substring(at + 1));
            volume = volume.substring(0, at);
        }
        if (!VOLUME.matcher(volume).matches()) {
            throw refused(key, "the name of a volume has letters, digits, - and _ only");
        }
        String path = key.substring(slash + 1);
        check(key, path);
        return new Location(new Store(volume, asked), path);
    }

    private static void check(String key, String path) throws StorageException {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(path) || path.indexOf('\0') >= 0) {
            throw refused(key, "it has characters that no file name can have");
        }
        for (String name : path.split("/", -1)) {
            if (name.isEmpty()) {
                throw refused(key, "its path must not have a / at its start, end or doubled");
            }
            if (name.equals(".") || name.equals("..")) {
                throw refused(key, "its path must not contain " + name);
            }
            if (name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
                throw new StorageException(
                        Errno.ENAMETOOLONG,
                        "a name in the path is over " + MAX_NAME_BYTES + " bytes long: " + name.substring(0, 32) + "…");
            }
        }
    }

    private static StorageException refused(String key, String why) {
        return new StorageException(Errno.EINVAL, key + " cannot be a file on a Gluster volume: " + why);
    }

    /**
     * The directories above the file.
     *
     * @return paths from the top; may be empty
     */
    List<String> parents() {
        List<String> parents = new ArrayList<>();
        for (int i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) {
            parents.add(path.substring(0, i));
        }
        return parents;
    }

    @Override
    public String toString() {
        return store.volume() + "/" + path;
    }
}
