package org.nbdrunner.handler.gluster.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Where a management daemon listens.
 *
 * @param host a name or an address
 * @param port TCP
 */
record Server(String host, int port) {
    private static final int PORT = 24007;
    private static final int MAX_PORT = 65535;
    /** HOST, HOST:PORT, [IPv6], [IPv6]:PORT, or a bare IPv6 address. */
    private static final Pattern FORM = Pattern.compile(
            "(?:([A-Za-z0-9._-]+)|\\[([0-9A-Fa-f:.%]+)])(?::([0-9]{1,5}))?|([0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)");

    /**
     * Takes a list apart.
     *
     * @param list servers separated by commas
     * @return at least one
     * @throws StorageException {@link Errno#EINVAL} if one is not a host with or without a port
     */
    static List<Server> parse(String list) throws StorageException {
        List<Server> servers = new ArrayList<>();
        for (String text : list.split(",", -1)) {
            Matcher m = FORM.matcher(text.strip());
            if (!m.matches()) {
                throw refused(text);
            }
            String host = m.group(1) != null ? m.group(1) : m.group(2) != null ? m.group(2) : m.group(4);
            int port = m.group(3) == null ? PORT : Integer.parseInt(m.group(3));
            if (port < 1 || port > MAX_PORT) {
                throw refused(text);
            }
            servers.add(new Server(host, port));
        }
        return List.copyOf(servers);
    }

    private static StorageException refused(String text) {
        return new StorageException(
                Errno.EINVAL,
                "\"" + text + "\" is no Gluster server: HOST or HOST:PORT is wanted, several with commas");
    }

    @Override
    public String toString() {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
