package org.nbdrunner.api.export;

import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * What a client is told about an export when its transmission phase begins: the bits of {@code NBD_FLAG_…} (NBD protocol, "Transmission
 * flags"). Clients do only what is offered here, so a flag that is missing costs durability or speed and one too many costs data.
 */
public final class TransmissionFlags {
    /** The other bits mean something; always set. */
    public static final int HAS_FLAGS = 1;
    /** Whatever changes the export is refused. */
    public static final int READ_ONLY = 1 << 1;
    /** {@code NBD_CMD_FLUSH} is understood. Without it clients take every completed write for durable. */
    public static final int SEND_FLUSH = 1 << 2;
    /** {@code NBD_CMD_FLAG_FUA} is honoured. */
    public static final int SEND_FUA = 1 << 3;
    /** Access in order is much faster than at random. */
    public static final int ROTATIONAL = 1 << 4;
    /** {@code NBD_CMD_TRIM} is understood. */
    public static final int SEND_TRIM = 1 << 5;
    /** {@code NBD_CMD_WRITE_ZEROES} and {@code NBD_CMD_FLAG_NO_HOLE} are understood. */
    public static final int SEND_WRITE_ZEROES = 1 << 6;
    /** {@code NBD_CMD_FLAG_DF} is understood; only for a connection that agreed on structured replies. */
    public static final int SEND_DF = 1 << 7;
    /** A flush on one connection covers the completed writes of all, and what one wrote the others read. */
    public static final int CAN_MULTI_CONN = 1 << 8;
    /** {@code NBD_CMD_RESIZE} is understood (an extension of the protocol). */
    public static final int SEND_RESIZE = 1 << 9;
    /** {@code NBD_CMD_CACHE} is understood. */
    public static final int SEND_CACHE = 1 << 10;
    /** {@code NBD_CMD_FLAG_FAST_ZERO} is understood; needs {@link #SEND_WRITE_ZEROES}. */
    public static final int SEND_FAST_ZERO = 1 << 11;

    private TransmissionFlags() {}

    /**
     * The flags of a volume. Those that depend on the connection ({@link #SEND_DF}) or on the server ({@link #SEND_RESIZE}) are for the
     * caller to add. A read-only volume offers no way to change it.
     *
     * @param info what the volume is and can
     * @return the bits, within 16
     */
    public static int of(VolumeInfo info) {
        int flags = HAS_FLAGS
                | flag(info, Capability.FLUSH, SEND_FLUSH)
                | flag(info, Capability.ROTATIONAL, ROTATIONAL)
                | flag(info, Capability.MULTI_CONN, CAN_MULTI_CONN)
                | flag(info, Capability.CACHE, SEND_CACHE);
        if (info.readOnly()) {
            return flags | READ_ONLY;
        }
        return flags
                | flag(info, Capability.FUA, SEND_FUA)
                | flag(info, Capability.TRIM, SEND_TRIM)
                | flag(info, Capability.WRITE_ZEROES, SEND_WRITE_ZEROES)
                | flag(info, Capability.FAST_ZERO, SEND_FAST_ZERO);
    }

    private static int flag(VolumeInfo info, Capability capability, int flag) {
        return info.can(capability) ? flag : 0;
    }
}
