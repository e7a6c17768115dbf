package org.nbdrunner.rpc;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.rpc.internal.AdminClient;
import org.nbdrunner.rpc.internal.BundleFile;
import org.nbdrunner.rpc.internal.Client;
import org.nbdrunner.rpc.internal.Program;

/**
 * The control of a runner across the network, and the administration of its handlers. Connects when it is first asked, and again when the connection is lost; asks in version 2
 * of the control program, or in version 1 if the runner knows no other. Of several addresses it stays with the first that has answered:
 * what one runner was told, another does not know.
 *
 * <p>For use by any thread: calls take turns, but nobody waits for a creation that preallocates, or for a change of handlers. A bundle to install
 * is a file of this machine, and is sent.
 */
public final class RpcControl implements Control, HandlerAdmin, AutoCloseable {
    private final List<RunnerAddress> addresses;
    private final Lock turn = new ReentrantLock();

    private volatile Client client;

    /** Null until one has answered. */
    private volatile RunnerAddress address;

    /**
     * A control that is not connected yet.
     *
     * @param addresses of the runner, tried in order
     */
    public RpcControl(List<RunnerAddress> addresses) {
        this.addresses = List.copyOf(addresses);
    }

    /** What is asked of a client. */
    private interface Question<T> {
        T ask(Client client) throws IOException, ControlException;
    }

    private <T> T ask(Question<T> question) throws ControlException {
        turn.lock();
        try {
            return explained(question, client());
        } finally {
            turn.unlock();
        }
    }

    private <T> T explained(Question<T> question, Client c) throws ControlException {
        try {
            return question.ask(c);
        } catch (SocketTimeoutException e) {
            throw new ControlException(Errno.ETIMEDOUT, "nbd-runner at " + address + " does not answer", e);
        } catch (IOException e) {
            throw new ControlException(Errno.EIO, "nbd-runner at " + address + ": " + Errno.describe(e), e);
        }
    }

    /** A client that is connected; for who has the turn. */
    private Client client() throws ControlException {
        Client c = client;
        if (c != null && c.isOpen()) {
            return c;
        }
        close();
        ControlException first = null;
        for (RunnerAddress a : address == null ? addresses : List.of(address)) {
            try {
                c = connect(a);
                client = c;
                address = a;
                return c;
            } catch (ControlException e) {
                first = first == null ? e : first;
            }
        }
        throw first;
    }

    private static Client connect(RunnerAddress a) throws ControlException {
        InetSocketAddress socket = new InetSocketAddress(a.host(), a.port());
        if (socket.isUnresolved()) {
            throw new ControlException(Errno.EHOSTUNREACH, "host " + a.host() + " is not known");
        }
        try {
            return new Client(socket, a.host());
        } catch (ConnectException e) {
            throw new ControlException(
                    Errno.ECONNREFUSED, "no nbd-runner answers at " + a + ": is it running there?", e);
        } catch (SocketTimeoutException e) {
            throw new ControlException(Errno.ETIMEDOUT, "no nbd-runner answers at " + a + " in time", e);
        } catch (IOException e) {
            throw new ControlException(Errno.EIO, "nbd-runner at " + a + ": " + Errno.describe(e), e);
        }
    }

    @Override
    public void create(String handler, String cfgstring, long size, boolean preallocate, ProgressListener progress)
            throws ControlException {
        Question<Void> question = c -> {
            c.create(handler, cfgstring, size, preallocate, progress);
            return null;
        };
        if (preallocate) {
            explained(question, ask(c -> c)); // on a connection of its own
        } else {
            ask(question);
        }
    }

    @Override
    public void delete(String handler, String cfgstring) throws ControlException {
        ask(c -> {
            c.delete(handler, cfgstring);
            return null;
        });
    }

    @Override
    public String resize(String handler, String cfgstring, long size, boolean force) throws ControlException {
        return ask(c -> {
            String device = c.resize(handler, cfgstring, size, force);
            if (device == null) {
                throw new ControlException(
                        Errno.ENOTSUP, "the runner at " + address + " is too old to resize backstores");
            }
            return device;
        });
    }

    @Override
    public Premapped premap(String handler, String cfgstring, boolean readOnly, int timeout) throws ControlException {
        return ask(c -> c.premap(handler, cfgstring, readOnly, timeout));
    }

    @Override
    public void postmap(String handler, String cfgstring, String device, String mapTime) throws ControlException {
        ask(c -> {
            c.postmap(handler, cfgstring, device, mapTime);
            return null;
        });
    }

    @Override
    public String unmap(String handler, String cfgstring, String device) throws ControlException {
        return ask(c -> c.unmap(handler, cfgstring, device));
    }

    @Override
    public List<BackstoreInfo> list(String handler) throws ControlException {
        return ask(c -> c.list(handler));
    }

    @Override
    public List<HandlerInfo> handlers() throws ControlException {
        return ask(c -> {
            List<HandlerInfo> handlers = c.handlers();
            if (handlers == null) {
                throw new ControlException(
                        Errno.ENOTSUP, "the runner at " + address + " is too old to list its handlers");
            }
            return handlers;
        });
    }

    @Override
    public String install(Path bundle) throws ControlException {
        return send(Program.INSTALL, bundle);
    }

    @Override
    public String upgrade(Path bundle) throws ControlException {
        return send(Program.UPGRADE, bundle);
    }

    private String send(int procedure, Path bundle) throws ControlException {
        try (BundleFile file = BundleFile.open(bundle)) {
            return administer(a -> a.send(procedure, file));
        }
    }

    @Override
    public String add(String feature) throws ControlException {
        return administer(a -> a.add(feature));
    }

    @Override
    public void remove(String handler, boolean force) throws ControlException {
        administer(a -> a.remove(handler, force));
    }

    /** What is asked of the administration. */
    private interface Change {
        String ask(AdminClient admin) throws IOException, ControlException;
    }

    private String administer(Change change) throws ControlException {
        Question<String> question = c -> {
            try (AdminClient admin = c.administration()) {
                return change.ask(admin);
            }
        };
        return explained(question, ask(c -> c)); // on a connection of its own
    }

    /** Disconnects, even while a call runs, which then fails; a later call connects again. */
    @Override
    public void close() {
        Client c = client;
        client = null;
        if (c != null) {
            c.close();
        }
    }
}
