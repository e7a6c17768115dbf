package org.nbdrunner.rpc;

import java.util.ArrayList;
import java.util.List;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.rpc.internal.Program;

/**
 * Where a runner's control is.
 *
 * @param host a name or an address
 * @param port 1 to 65,535
 */
public record RunnerAddress(String host, int port) {

    /**
     * Reads addresses as users type them: {@code HOST}, {@code HOST:PORT}, {@code [V6]:PORT}, several with commas between.
     *
     * @param text the addresses
     * @return at least one, to be tried in order
     * @throws ControlException if one of them is none
     */
    public static List<RunnerAddress> parse(String text) throws ControlException {
        List<RunnerAddress> all = new ArrayList<>();
        for (String s : text.split(",", -1)) {
            all.add(one(s.trim()));
        }
        return all;
    }

    private static RunnerAddress one(String s) throws ControlException {
        int colon = s.lastIndexOf(':');
        boolean bracket = s.startsWith("[");
        boolean bareV6 = !bracket && colon != s.indexOf(':');
        String host = s;
        int port = Program.PORT;
        if (bracket) {
            int end = s.indexOf(']');
            if (end < 0) {
                throw bad(s);
            }
            host = s.substring(1, end);
            if (end + 1 < s.length()) {
                if (s.charAt(end + 1) != ':') {
                    throw bad(s);
                }
                port = port(s, s.substring(end + 2));
            }
        } else if (colon >= 0 && !bareV6) {
            host = s.substring(0, colon);
            port = port(s, s.substring(colon + 1));
        }
        if (host.isEmpty()) {
            throw bad(s);
        }
        return new RunnerAddress(host, port);
    }

    private static int port(String s, String text) throws ControlException {
        try {
            int port = Integer.parseInt(text);
            if (port > 0 && port < 65536) {
                return port;
            }
        } catch (NumberFormatException e) {
            throw new ControlException(Errno.EINVAL, "host " + s + " has no port from 1 to 65535 behind its colon", e);
        }
        throw bad(s);
    }

    private static ControlException bad(String s) {
        return new ControlException(Errno.EINVAL, "host " + s + " is no HOST, HOST:PORT or [V6]:PORT");
    }

    @Override
    public String toString() {
        return host.indexOf(':') < 0 ? host + ":" + port : "[" + host + "]:" + port;
    }
}
