package org.nbdrunner.handler.gluster.internal;

import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;

/** Tells where a file has data, with calls that wait for the storage. */
final class Extents {
    static final int SECTOR = 512;
    static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    private final OpenFile file;

    /** Whether GlusterFS may hold back writes that the bricks do not know of: they would tell a hole there. */
    private volatile boolean written = true;

    Extents(OpenFile file) {
        this.file = file;
    }

    /** Something was written. */
    void changed() {
        if (!written) {
            written = true;
        }
    }

    /**
     * Tells the extents of a request's range. Space that was reserved and not written yet is zero without being a hole.
     *
     * @param request of command {@code BLOCK_STATUS}
     * @return a negative error number if they cannot be told now, else 0
     * @throws StorageException if the file has become too short
     */
    long tell(IoRequest request) throws StorageException {
        Gfapi gfapi = file.gfapi();
        if (written) {
            written = false;
            int r = gfapi.sync(file.fd());
            if (r < 0) {
                written = true;
                return r;
            }
        }
        FileStatus.Result now = gfapi.status(file.fd());
        if (now.error() < 0) {
            return now.error();
        }
        long end = request.offset() + request.length();
        if (now.status().size() < end) {
            throw new StorageException(
                    Errno.EIO, file.name() + " has been cut short by another program while it was open");
        }
        boolean hole = now.status().allocated() < now.status().size();
        for (long at = request.offset(); at < end; ) {
            long data = seek(at, end, SEEK_DATA);
            if (data < 0) {
                return data;
            } else if (data > at) {
                if (!request.extent(data - at, hole, true)) {
                    return 0;
                }
                at = data;
            } else {
                long next = seek(at, end, SEEK_HOLE);
                if (next < 0) {
                    return next;
                }
                // Punched between the two calls: to call the rest data is never wrong.
                next = next > at ? next : end;
                if (!request.extent(next - at, false, false)) {
                    return 0;
                }
                at = next;
            }
        }
        return 0;
    }

    private long seek(long from, long end, int whence) {
        long r = file.gfapi().seek(file.fd(), from, whence);
        if (r == -Gfapi.ENXIO) {
            return end; // nothing of the kind up to the end of the file
        }
        return Math.min(end, r);
    }
}
