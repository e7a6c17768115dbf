package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrDecodingStream;
import org.acplt.oncrpc.XdrEncodingStream;

/** Strings in XDR (RFC 4506), with bounds that hold before anything is allocated; remotetea's own decoders believe any length. */
final class Xdr {
    private static final byte[] NOTHING = {};

    private Xdr() {}

    /** A string of variable length. */
    static String string(XdrDecodingStream in, int max) throws OncRpcException, IOException {
        return new String(opaque(in, max), StandardCharsets.UTF_8);
    }

    /** The same, if its bytes are UTF-8: names that differ must not become one by replacing what is not. */
    static String utf8(XdrDecodingStream in, int max) throws OncRpcException, IOException {
        byte[] bytes = opaque(in, max);
        return utf8(bytes, bytes.length);
    }

    private static String utf8(byte[] bytes, int length) throws OncRpcException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, 0, length))
                    .toString();
        } catch (CharacterCodingException e) {
            OncRpcException refused = new OncRpcException(OncRpcException.RPC_CANTDECODEARGS);
            refused.initCause(e);
            throw refused;
        }
    }

    /** Opaque data of variable length. */
    static byte[] opaque(XdrDecodingStream in, int max) throws OncRpcException, IOException {
        int length = in.xdrDecodeInt();
        if (length < 0 || length > max) {
            throw new OncRpcException(OncRpcException.RPC_CANTDECODEARGS);
        }
        return length == 0 ? NOTHING : in.xdrDecodeOpaque(length);
    }

    static void string(XdrEncodingStream out, String s) throws OncRpcException, IOException {
        opaque(out, s.getBytes(StandardCharsets.UTF_8));
    }

    static void opaque(XdrEncodingStream out, byte[] bytes) throws OncRpcException, IOException {
        out.xdrEncodeInt(bytes.length);
        out.xdrEncodeOpaque(bytes, bytes.length);
    }

    /** C's {@code char x[n]} in XDR: n integers, one a character; what follows the NUL is garbage. */
    static String characters(XdrDecodingStream in, int n) throws OncRpcException, IOException {
        byte[] bytes = array(in, n);
        return new String(bytes, 0, end(bytes), StandardCharsets.UTF_8);
    }

    /** The same, if its bytes are UTF-8 and have an end. */
    static String utf8Characters(XdrDecodingStream in, int n) throws OncRpcException, IOException {
        byte[] bytes = array(in, n);
        int end = end(bytes);
        if (end == n) {
            throw new OncRpcException(OncRpcException.RPC_CANTDECODEARGS);
        }
        return utf8(bytes, end);
    }

    private static byte[] array(XdrDecodingStream in, int n) throws OncRpcException, IOException {
        byte[] bytes = new byte[n];
        for (int i = 0; i < n; i++) {
            bytes[i] = (byte) in.xdrDecodeInt();
        }
        return bytes;
    }

    private static int end(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return end;
    }

    /** The opposite; characters from 0x80 go sign-extended, as C does it, and zeroes follow the text. */
    static void characters(XdrEncodingStream out, String s, int n) throws OncRpcException, IOException {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < n; i++) {
            out.xdrEncodeInt(i < bytes.length && i < n - 1 ? bytes[i] : 0);
        }
    }
}
