package org.nbdrunner.rpc.internal;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;

/** A client's connection: one call at a time; further threads wait for their turn. */
public final class Connection implements AutoCloseable {
    private static final int CONNECT_MS = 10_000;
    private static final int MAX_CALL = 16 << 10;
    private static final int MAX_REPLY = 17 << 20;
    private static final int REPLY_MS = 60_000;

    private final Socket socket = new Socket();
    private final Records records;
    private int xid = (int) System.nanoTime();

    /**
     * Connects.
     *
     * @param address of a runner's control
     * @param waitMs how long to wait for the answer to a call
     * @throws IOException if nobody answers there
     */
    public Connection(InetSocketAddress address, int waitMs) throws IOException {
        boolean connected = false;
        try {
            socket.connect(address, CONNECT_MS);
            records = new Records(socket, waitMs, REPLY_MS);
            connected = true;
        } finally {
            if (!connected) {
                socket.close();
            }
        }
    }

    /**
     * Calls a procedure. A failure closes the connection: what answers later is not taken for the answer to another call.
     *
     * @return the answer; null if the server does not have this version
     */
    synchronized Answer call(int version, int procedure, Arguments arguments) throws IOException {
        boolean complete = false;
        try {
            Answer answer = exchange(version, procedure, arguments);
            complete = true;
            return answer;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private Answer exchange(int version, int procedure, Arguments arguments) throws IOException {
        try {
            XdrBufferEncodingStream out = new XdrBufferEncodingStream(MAX_CALL + (arguments.data.length + 3 & ~3));
            out.beginEncoding(null, 0);
            Call.encode(out, ++xid, version, procedure);
            arguments.encode(version, procedure, out);
            records.write(out.getXdrData(), out.getXdrLength());
            byte[] record = records.read(MAX_REPLY);
            if (record == null) {
                throw new EOFException("the runner closed the connection");
            }
            XdrBufferDecodingStream in = new XdrBufferDecodingStream(record, record.length);
            in.beginDecoding();
            int status = Call.decodeReply(in, xid);
            if (status == Call.PROG_MISMATCH
                    || status == Call.PROC_UNAVAIL
                    || (status == Call.PROG_UNAVAIL && version != Program.VERSION_1)) {
                return null;
            } else if (status != Call.SUCCESS) {
                throw new IOException("what answers there is no nbd-runner (RPC status " + status + ")");
            }
            return procedure == Program.NULL ? new Answer() : Answer.decode(version, in);
        } catch (OncRpcException e) {
            throw new IOException("what answers there does not speak the control program: " + e.getMessage(), e);
        }
    }

    /**
     * Whether the server has kept the connection: it closes those that are silent for long.
     *
     * @return false if a call would fail
     */
    synchronized boolean isOpen() {
        return records.isQuiet();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
