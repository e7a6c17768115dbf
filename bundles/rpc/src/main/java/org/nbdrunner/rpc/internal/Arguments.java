package org.nbdrunner.rpc.internal;

import java.io.IOException;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrDecodingStream;
import org.acplt.oncrpc.XdrEncodingStream;
import org.nbdrunner.api.handler.Cfgstring;

/** The arguments of any procedure in any version; those that a procedure does not have keep their defaults. */
final class Arguments {
    /** Version 1. */
    int type;
    /** Version 2. */
    String handler = "";

    String cfgstring = "";
    String device = "";
    String time = "";
    long size;
    boolean preallocate;
    boolean readOnly;
    int timeout;
    /** Of a handler that was shipped. */
    String feature = "";

    boolean force;
    long offset;
    byte[] data = {};

    /**
     * Reads arguments.
     *
     * @param bytes that the whole record has: nothing in it is longer
     */
    static Arguments decode(int version, int procedure, XdrDecodingStream in, int bytes)
            throws OncRpcException, IOException {
        Arguments a = new Arguments();
        boolean v1 = version == Program.VERSION_1;
        if (procedure == Program.NULL || procedure == Program.HANDLERS) {
            return a;
        }
        if (isAdministration(procedure)) {
            a.decodeAdministration(procedure, in, bytes);
            return a;
        }
        if (v1) {
            a.type = in.xdrDecodeInt();
        } else {
            a.handler = Xdr.utf8(in, Program.HANDLER);
        }
        switch (procedure) {
            case Program.CREATE -> {
                a.size = in.xdrDecodeLong();
                a.preallocate = in.xdrDecodeBoolean();
            }
            case Program.PREMAP -> {
                a.readOnly = in.xdrDecodeBoolean();
                a.timeout = in.xdrDecodeInt();
            }
            case Program.POSTMAP -> {
                a.device = text(v1, in, Program.DEVICE);
                a.time = text(v1, in, Program.TIME);
            }
            case Program.UNMAP -> a.device = text(v1, in, Program.DEVICE);
            case Program.RESIZE -> {
                a.size = in.xdrDecodeLong();
                a.force = in.xdrDecodeBoolean();
            }
            default -> {}
        }
        if (procedure != Program.LIST) {
            a.cfgstring = v1 ? Xdr.utf8Characters(in, Program.CFGSTRING) : Xdr.utf8(in, Cfgstring.MAX_BYTES);
        }
        return a;
    }

    private static boolean isAdministration(int procedure) {
        return procedure >= Program.BEGIN_UPLOAD && procedure <= Program.REMOVE;
    }

    private void decodeAdministration(int procedure, XdrDecodingStream in, int bytes)
            throws OncRpcException, IOException {
        switch (procedure) {
            case Program.BEGIN_UPLOAD -> size = in.xdrDecodeLong();
            case Program.UPLOAD -> {
                offset = in.xdrDecodeLong();
                data = Xdr.opaque(in, Math.min(bytes, Program.PIECE));
            }
            case Program.ADD -> feature = Xdr.utf8(in, Math.min(bytes, Program.FEATURE));
            case Program.REMOVE -> {
                handler = Xdr.utf8(in, Program.HANDLER);
                force = in.xdrDecodeBoolean();
            }
            default -> {} // INSTALL and UPGRADE are about the file that was sent
        }
    }

    private static String text(boolean v1, XdrDecodingStream in, int n) throws OncRpcException, IOException {
        return v1 ? Xdr.utf8Characters(in, n) : Xdr.utf8(in, n);
    }

    void encode(int version, int procedure, XdrEncodingStream out) throws OncRpcException, IOException {
        boolean v1 = version == Program.VERSION_1;
        if (procedure == Program.NULL || procedure == Program.HANDLERS) {
            return;
        }
        if (isAdministration(procedure)) {
            encodeAdministration(procedure, out);
            return;
        }
        if (v1) {
            out.xdrEncodeInt(type);
        } else {
            Xdr.string(out, handler);
        }
        switch (procedure) {
            case Program.CREATE -> {
                out.xdrEncodeLong(size);
                out.xdrEncodeBoolean(preallocate);
            }
            case Program.PREMAP -> {
                out.xdrEncodeBoolean(readOnly);
                out.xdrEncodeInt(timeout);
            }
            case Program.POSTMAP -> {
                text(v1, out, device, Program.DEVICE);
                text(v1, out, time, Program.TIME);
            }
            case Program.UNMAP -> text(v1, out, device, Program.DEVICE);
            case Program.RESIZE -> {
                out.xdrEncodeLong(size);
                out.xdrEncodeBoolean(force);
            }
            default -> {}
        }
        if (procedure != Program.LIST) {
            text(v1, out, cfgstring, Program.CFGSTRING);
        }
    }

    private void encodeAdministration(int procedure, XdrEncodingStream out) throws OncRpcException, IOException {
        switch (procedure) {
            case Program.BEGIN_UPLOAD -> out.xdrEncodeLong(size);
            case Program.UPLOAD -> {
                out.xdrEncodeLong(offset);
                Xdr.opaque(out, data);
            }
            case Program.ADD -> Xdr.string(out, feature);
            case Program.REMOVE -> {
                Xdr.string(out, handler);
                out.xdrEncodeBoolean(force);
            }
            default -> {}
        }
    }

    private static void text(boolean v1, XdrEncodingStream out, String s, int n) throws OncRpcException, IOException {
        if (v1) {
            Xdr.characters(out, s, n);
        } else {
            Xdr.string(out, s);
        }
    }
}
