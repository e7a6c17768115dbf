package org.nbdrunner.rpc.internal;

import java.io.IOException;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;

/**
 * The head of a call, and of the reply to one (RFC 5531, section 9).
 *
 * @param xid tells replies apart
 * @param rpcVersion 2, if it can be answered
 * @param program the program
 * @param version its version
 * @param procedure its procedure
 */
record Call(int xid, int rpcVersion, int program, int version, int procedure) {
    static final int SUCCESS = 0;
    static final int PROG_UNAVAIL = 1;
    static final int PROG_MISMATCH = 2;
    static final int PROC_UNAVAIL = 3;
    static final int GARBAGE_ARGS = 4;

    private static final int CALL = 0;
    private static final int REPLY = 1;
    private static final int RPC_VERSION = 2;
    private static final int MSG_ACCEPTED = 0;
    private static final int MSG_DENIED = 1;
    private static final int RPC_MISMATCH = 0;

    /** Bytes that credentials and verifiers may have. */
    private static final int MAX_AUTH = 400;

    static Call decode(XdrBufferDecodingStream in) throws OncRpcException, IOException {
        int xid = in.xdrDecodeInt();
        if (in.xdrDecodeInt() != CALL) {
            throw new OncRpcException(OncRpcException.RPC_WRONGMESSAGE);
        }
        Call call = new Call(xid, in.xdrDecodeInt(), in.xdrDecodeInt(), in.xdrDecodeInt(), in.xdrDecodeInt());
        for (int i = 0; i < 2; i++) { // credential and verifier; who calls is of no consequence here
            in.xdrDecodeInt();
            Xdr.opaque(in, MAX_AUTH);
        }
        return call;
    }

    static void encode(XdrBufferEncodingStream out, int xid, int version, int procedure)
            throws OncRpcException, IOException {
        for (int i : new int[] {xid, CALL, RPC_VERSION, Program.NUMBER, version, procedure, 0, 0, 0, 0}) {
            out.xdrEncodeInt(i);
        }
    }

    boolean knowsRpc() {
        return rpcVersion == RPC_VERSION;
    }

    void deny(XdrBufferEncodingStream out) throws OncRpcException, IOException {
        for (int i : new int[] {xid, REPLY, MSG_DENIED, RPC_MISMATCH, RPC_VERSION, RPC_VERSION}) {
            out.xdrEncodeInt(i);
        }
    }

    void accept(XdrBufferEncodingStream out, int status) throws OncRpcException, IOException {
        for (int i : new int[] {xid, REPLY, MSG_ACCEPTED, 0, 0, status}) {
            out.xdrEncodeInt(i);
        }
        if (status == PROG_MISMATCH) {
            out.xdrEncodeInt(Program.VERSION_1);
            out.xdrEncodeInt(Program.VERSION_2);
        }
    }

    /** Decodes the head of a reply: its status, where the call was accepted. */
    static int decodeReply(XdrBufferDecodingStream in, int xid) throws OncRpcException, IOException {
        if (in.xdrDecodeInt() != xid || in.xdrDecodeInt() != REPLY) {
            throw new OncRpcException(OncRpcException.RPC_WRONGMESSAGE);
        }
        if (in.xdrDecodeInt() != MSG_ACCEPTED) {
            throw new OncRpcException(OncRpcException.RPC_AUTHERROR);
        }
        in.xdrDecodeInt();
        Xdr.opaque(in, MAX_AUTH);
        return in.xdrDecodeInt();
    }
}
