package org.nbdrunner.engine.internal;

import java.util.Set;
import java.util.TreeSet;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * What the protocol's document has to say about requests for an export. Where several things are wrong with a request, any of their errors may
 * be the answer.
 *
 * @param name the export
 * @param info as its volume describes itself
 */
record FuzzedExport(String name, VolumeInfo info) {
    private static final int EPERM = 1;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;

    /** Whether a client may send a payload with a request. */
    static boolean hasPayload(ReplyMode mode, int flags, int type) {
        return type == Nbd.CMD_WRITE || (mode == ReplyMode.EXTENDED && (flags & Nbd.CMD_FLAG_PAYLOAD_LEN) != 0);
    }

    /**
     * The errors that a request may be answered with; none if it must succeed.
     *
     * @param mode the headers agreed on
     * @param blockStatus whether base:allocation was selected for this export
     * @param offset unsigned
     * @param length unsigned
     */
    Set<Integer> errors(ReplyMode mode, boolean blockStatus, int flags, int type, long offset, long length) {
        Set<Integer> errors = new TreeSet<>();
        if ((flags & ~flags(mode, type)) != 0 || !isOffered(blockStatus, type)) {
            errors.add(EINVAL);
        }
        boolean changes = type == Nbd.CMD_WRITE || type == Nbd.CMD_TRIM || type == Nbd.CMD_WRITE_ZEROES;
        if (changes && info.readOnly()) {
            errors.add(EPERM);
        }
        if (type == Nbd.CMD_FLUSH) {
            if (offset != 0 || length != 0) {
                errors.add(EINVAL);
            }
            return errors;
        }
        boolean data = type == Nbd.CMD_READ || type == Nbd.CMD_WRITE;
        boolean unaligned = ((offset | length) & (info.minimumBlock() - 1)) != 0;
        if (length == 0 || unaligned || (data && Long.compareUnsigned(length, info.maximumPayload()) > 0)) {
            errors.add(EINVAL);
        }
        boolean beyond =
                Long.compareUnsigned(offset, info.size()) > 0 || Long.compareUnsigned(length, info.size() - offset) > 0;
        if (beyond) {
            errors.add(type == Nbd.CMD_WRITE || type == Nbd.CMD_WRITE_ZEROES ? ENOSPC : EINVAL);
        }
        return errors;
    }

    private boolean isOffered(boolean blockStatus, int type) {
        return switch (type) {
            case Nbd.CMD_READ, Nbd.CMD_WRITE -> true;
            case Nbd.CMD_FLUSH -> info.can(Capability.FLUSH);
            case Nbd.CMD_TRIM -> info.can(Capability.TRIM);
            case Nbd.CMD_CACHE -> info.can(Capability.CACHE);
            case Nbd.CMD_WRITE_ZEROES -> info.can(Capability.WRITE_ZEROES);
            case Nbd.CMD_BLOCK_STATUS -> blockStatus;
            default -> false;
        };
    }

    private int flags(ReplyMode mode, int type) {
        int fua = info.can(Capability.FUA) ? Nbd.CMD_FLAG_FUA : 0;
        return fua
                | switch (type) {
                    case Nbd.CMD_READ -> mode == ReplyMode.SIMPLE ? 0 : Nbd.CMD_FLAG_DF;
                    case Nbd.CMD_WRITE -> mode == ReplyMode.EXTENDED ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0;
                    case Nbd.CMD_WRITE_ZEROES ->
                        Nbd.CMD_FLAG_NO_HOLE | (info.can(Capability.FAST_ZERO) ? Nbd.CMD_FLAG_FAST_ZERO : 0);
                    case Nbd.CMD_BLOCK_STATUS -> Nbd.CMD_FLAG_REQ_ONE;
                    default -> 0;
                };
    }
}
