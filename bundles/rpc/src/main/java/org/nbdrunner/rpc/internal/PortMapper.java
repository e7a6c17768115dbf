package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.OncRpcPortmapClient;
import org.acplt.oncrpc.OncRpcPortmapServices;
import org.acplt.oncrpc.OncRpcProtocols;
import org.acplt.oncrpc.OncRpcServerIdent;
import org.acplt.oncrpc.OncRpcTcpClient;
import org.acplt.oncrpc.XdrBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells rpcbind, where one runs, at which port the program is; without one, clients know the port anyway. Talks to it (RFC 1833, version
 * 2) on a thread of its own: an rpcbind that hangs holds nobody up.
 */
final class PortMapper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PortMapper.class);
    private static final int TIMEOUT_MS = 2000;
    private static final int STOP_MS = 3000;
    private static final int BUFFER = 1024;

    private final InetSocketAddress rpcbind;
    private final int port;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(PortMapper::thread);

    /** What rpcbind has taken note of; the worker's own. */
    private final List<Integer> versions = new ArrayList<>();

    /** Begins to tell this machine's rpcbind of a port. */
    PortMapper(int port) {
        this(port, new InetSocketAddress(InetAddress.getLoopbackAddress(), OncRpcPortmapClient.PMAP_PORT));
    }

    PortMapper(int port, InetSocketAddress rpcbind) {
        this.port = port;
        this.rpcbind = rpcbind;
        worker.execute(this::register);
    }

    private static Thread thread(Runnable work) {
        Thread t = new Thread(work, "rpcbind");
        t.setDaemon(true);
        return t;
    }

    private boolean isThere() {
        try (Socket s = new Socket()) {
            s.connect(rpcbind, TIMEOUT_MS);
            return true;
        } catch (IOException e) {
            LOG.debug("There is no rpcbind: {}", e.toString());
            return false;
        }
    }

    private void register() {
        if (!isThere()) {
            return;
        }
        talk(client -> {
            for (int version = Program.VERSION_1; version <= Program.VERSION_2; version++) {
                ask(client, OncRpcPortmapServices.PMAP_UNSET, version); // false if there was nothing left over
                if (ask(client, OncRpcPortmapServices.PMAP_SET, version)) {
                    versions.add(version);
                } else {
                    LOG.warn("rpcbind refuses to take note of version {} of the control program", version);
                }
            }
        });
    }

    private void unregister() {
        if (versions.isEmpty()) {
            return;
        }
        talk(client -> {
            for (int version : versions) {
                if (!ask(client, OncRpcPortmapServices.PMAP_UNSET, version)) {
                    LOG.warn("rpcbind does not forget version {} of the control program", version);
                }
            }
        });
    }

    private interface Talk {
        void with(OncRpcTcpClient client) throws OncRpcException;
    }

    private void talk(Talk talk) {
        try {
            OncRpcTcpClient client = new OncRpcTcpClient(
                    rpcbind.getAddress(),
                    OncRpcPortmapClient.PMAP_PROGRAM,
                    OncRpcPortmapClient.PMAP_VERSION,
                    rpcbind.getPort(),
                    BUFFER,
                    TIMEOUT_MS);
            try {
                client.setTimeout(TIMEOUT_MS);
                talk.with(client);
            } finally {
                client.close();
            }
        } catch (IOException | OncRpcException e) {
            LOG.warn("rpcbind cannot be told where the control program is: {}", e.toString());
        }
    }

    private boolean ask(OncRpcTcpClient client, int procedure, int version) throws OncRpcException {
        XdrBoolean done = new XdrBoolean();
        client.call(procedure, new OncRpcServerIdent(Program.NUMBER, version, OncRpcProtocols.ONCRPC_TCP, port), done);
        return done.booleanValue();
    }

    /** Lets rpcbind forget the program, if it does so in time. */
    @Override
    public void close() {
        worker.execute(this::unregister);
        worker.shutdown();
        try {
            if (!worker.awaitTermination(STOP_MS, TimeUnit.MILLISECONDS)) {
                LOG.warn("rpcbind does not answer; it may still name the control program");
                worker.shutdownNow();
            }
        } catch (InterruptedException e) {
            worker.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
