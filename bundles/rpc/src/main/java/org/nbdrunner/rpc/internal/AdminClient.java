package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;

/** Changes a runner's handlers, over a connection of its own: an upgrade waits for clients' I/O, and may take minutes. */
public final class AdminClient implements AutoCloseable {
    private static final int CALL_MS = (int) TimeUnit.MINUTES.toMillis(10);

    private final Connection connection;

    AdminClient(InetSocketAddress address) throws IOException {
        connection = new Connection(address, CALL_MS);
    }

    /**
     * Sends a file, and has something done with it.
     *
     * @param procedure {@link Program#INSTALL} or {@link Program#UPGRADE}
     * @param file at its beginning
     * @return what came out
     * @throws IOException if the runner is lost
     * @throws ControlException if the runner refuses, or the file cannot be read
     */
    public String send(int procedure, BundleFile file) throws IOException, ControlException {
        Arguments a = new Arguments();
        a.size = file.size();
        call(Program.BEGIN_UPLOAD, a);
        for (a.data = file.next(); a.data.length > 0; a.data = file.next()) {
            call(Program.UPLOAD, a);
            a.offset += a.data.length;
        }
        return call(procedure, a);
    }

    /** See HandlerAdmin. */
    public String add(String feature) throws IOException, ControlException {
        Arguments a = new Arguments();
        a.feature = Client.bounded("the name of the feature", feature, Program.FEATURE);
        return call(Program.ADD, a);
    }

    /** See HandlerAdmin; gives nothing. */
    public String remove(String handler, boolean force) throws IOException, ControlException {
        Arguments a = new Arguments();
        a.handler = Client.bounded("the name of the handler", handler, Program.HANDLER);
        a.force = force;
        return call(Program.REMOVE, a);
    }

    private String call(int procedure, Arguments a) throws IOException, ControlException {
        Answer answer;
        try {
            answer = connection.call(Program.VERSION_2, procedure, a);
        } catch (SocketTimeoutException e) {
            throw new ControlException(
                    Errno.ETIMEDOUT,
                    "the runner has not answered in time: its list of handlers will tell what came out",
                    e);
        }
        if (answer == null) {
            throw tooOld();
        }
        return Client.check(answer).text;
    }

    /** The runner knows nothing of what is here. */
    static ControlException tooOld() {
        return new ControlException(Errno.ENOTSUP, "the runner is too old to change its handlers on demand");
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }
}
