package org.nbdrunner.rpc.internal;

import java.io.IOException;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrDecodingStream;
import org.acplt.oncrpc.XdrEncodingStream;

/**
 * The answer to any procedure. In version 1 all answers have host, port, size and block size, of use only after PREMAP; version 2 adds
 * transmission flags and the number of connections.
 */
final class Answer {
    /** More than any listing has that a runner can hold. */
    private static final int MAX_TEXT = 16 << 20;

    int exit;
    String text = "";
    String host = "";
    int port;
    long size;
    long blockSize;
    int flags;
    int connections;

    static Answer decode(int version, XdrDecodingStream in) throws OncRpcException, IOException {
        Answer a = new Answer();
        a.exit = in.xdrDecodeInt();
        a.text = Xdr.string(in, MAX_TEXT);
        if (version == Program.VERSION_1) {
            a.host = Xdr.characters(in, Program.HOST);
            a.port = number(Xdr.characters(in, Program.PORT_TEXT));
        } else {
            a.host = Xdr.string(in, Program.HOST);
            a.port = in.xdrDecodeInt();
        }
        a.size = in.xdrDecodeLong();
        a.blockSize = in.xdrDecodeLong();
        if (version != Program.VERSION_1) {
            a.flags = in.xdrDecodeInt();
            a.connections = in.xdrDecodeInt();
        }
        return a;
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text.trim());
        } catch (NumberFormatException e) {
            return 0; // left over from another procedure, or never filled
        }
    }

    void encode(int version, XdrEncodingStream out) throws OncRpcException, IOException {
        out.xdrEncodeInt(exit);
        Xdr.string(out, text);
        if (version == Program.VERSION_1) {
            Xdr.characters(out, host, Program.HOST);
            Xdr.characters(out, port == 0 ? "" : Integer.toString(port), Program.PORT_TEXT);
        } else {
            Xdr.string(out, host);
            out.xdrEncodeInt(port);
        }
        out.xdrEncodeLong(size);
        out.xdrEncodeLong(blockSize);
        if (version != Program.VERSION_1) {
            out.xdrEncodeInt(flags);
            out.xdrEncodeInt(connections);
        }
    }
}
