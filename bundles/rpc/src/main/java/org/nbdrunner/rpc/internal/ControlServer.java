package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;
import org.nbdrunner.api.control.Control;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the control program over TCP. Each record is received whole, within bounds of size and time, and decoded by code that believes
 * no length: what a client sends costs at most {@link #MAX_RECORD} bytes at a time, and {@link Program#PIECE} more while it is sending a
 * file.
 */
public final class ControlServer extends TcpServer {
    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

    /** The longest call there is, pieces of files aside, has 4,528 bytes. */
    static final int MAX_RECORD = 16 << 10;

    private static final int RECORD_MS = 30_000;
    private static final int HEADER = 4096;

    private final Dispatcher dispatcher;
    private final Administration administration;
    private final int newestVersion;
    private final int idleMs;
    private final int recordMs;
    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, ControlServer::timerThread);

    /**
     * Begins to serve, without administration of handlers.
     *
     * @param control what is asked
     * @param address where; port 0 for any
     * @param maxConnections at once
     * @param idleMs how long a connection may be silent
     * @throws IOException if the address cannot be listened on
     */
    public ControlServer(Control control, InetSocketAddress address, int maxConnections, int idleMs)
            throws IOException {
        this(control, Administration.forbidden(), address, maxConnections, idleMs);
    }

    /**
     * Begins to serve.
     *
     * @param control what is asked
     * @param administration of handlers
     * @param address where; port 0 for any
     * @param maxConnections at once
     * @param idleMs how long a connection may be silent
     * @throws IOException if the address cannot be listened on
     */
    public ControlServer(
            Control control, Administration administration, InetSocketAddress address, int maxConnections, int idleMs)
            throws IOException {
        this(control, administration, address, maxConnections, idleMs, RECORD_MS, Program.VERSION_2);
    }

    /** With a limit for how long one record may take, either way. */
    ControlServer(
            Control control,
            Administration administration,
            InetSocketAddress address,
            int maxConnections,
            int idleMs,
            int recordMs,
            int newestVersion)
            throws IOException {
        super("control", address, maxConnections);
        this.dispatcher = new Dispatcher(control);
        this.administration = administration;
        this.newestVersion = newestVersion;
        this.idleMs = idleMs;
        this.recordMs = recordMs;
        timer.setRemoveOnCancelPolicy(true);
        start();
    }

    @Override
    void serve(Sessions.Session session) throws IOException {
        Socket socket = session.socket();
        Records records = new Records(socket, idleMs, recordMs);
        String local = socket.getLocalAddress().getHostAddress();
        try (AdminSession admin = new AdminSession(administration, socket.getRemoteSocketAddress())) {
            for (byte[] record = next(records, admin);
                    record != null && session.beginCall();
                    record = next(records, admin)) {
                XdrBufferEncodingStream reply;
                try {
                    reply = answer(record, admin, local);
                } catch (OncRpcException e) {
                    throw new IOException("what it sent is no call: " + e.getMessage(), e);
                }
                write(socket, records, reply);
                session.endCall();
            }
        }
    }

    /** A client that does not read its replies would hold its thread up for ever: sockets know no timeout for writing. */
    private void write(Socket socket, Records records, XdrBufferEncodingStream reply) throws IOException {
        Future<?> limit = timer.schedule(() -> cutOff(socket), recordMs, TimeUnit.MILLISECONDS);
        try {
            records.write(reply.getXdrData(), reply.getXdrLength());
        } finally {
            limit.cancel(false);
        }
    }

    private static void cutOff(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            LOG.debug("A socket did not close", e);
        }
    }

    private static Thread timerThread(Runnable work) {
        Thread t = new Thread(work, "control-timer");
        t.setDaemon(true);
        return t;
    }

    @Override
    public void close() {
        super.close();
        timer.shutdown();
    }

    /** The next record; none if the client is silent for too long, which is its right. */
    private static byte[] next(Records records, AdminSession admin) throws IOException {
        try {
            return records.read(admin.isUploading() ? MAX_RECORD + Program.PIECE : MAX_RECORD);
        } catch (Records.IdleException e) {
            return null;
        }
    }

    private XdrBufferEncodingStream answer(byte[] record, AdminSession admin, String local)
            throws OncRpcException, IOException {
        XdrBufferDecodingStream in = new XdrBufferDecodingStream(record, record.length);
        in.beginDecoding();
        Call call = Call.decode(in);
        if (!call.knowsRpc()) {
            XdrBufferEncodingStream out = stream(0);
            call.deny(out);
            return out;
        }
        if (call.program() != Program.NUMBER) {
            return refuse(call, Call.PROG_UNAVAIL);
        } else if (call.version() < Program.VERSION_1 || call.version() > newestVersion) {
            return refuse(call, Call.PROG_MISMATCH);
        } else if (!Program.has(call.version(), call.procedure())) {
            return refuse(call, Call.PROC_UNAVAIL);
        }
        Arguments arguments;
        try {
            arguments = Arguments.decode(call.version(), call.procedure(), in, record.length);
        } catch (OncRpcException e) {
            return refuse(call, Call.GARBAGE_ARGS);
        }
        Answer answer = dispatcher.dispatch(call.version(), call.procedure(), arguments, admin, local);
        XdrBufferEncodingStream out = stream(answer.text.length() * 3);
        call.accept(out, Call.SUCCESS);
        if (call.procedure() != Program.NULL) {
            answer.encode(call.version(), out);
        }
        return out;
    }

    private static XdrBufferEncodingStream refuse(Call call, int status) throws OncRpcException, IOException {
        XdrBufferEncodingStream out = stream(0);
        call.accept(out, status);
        return out;
    }

    private static XdrBufferEncodingStream stream(int text) throws OncRpcException, IOException {
        XdrBufferEncodingStream out = new XdrBufferEncodingStream((HEADER + text + 3) & ~3);
        out.beginEncoding(null, 0);
        return out;
    }
}
