package org.nbdrunner.handler.ceph.internal;

import org.nbdrunner.api.handler.IoRequest;

/**
 * Turns the extents of data that {@code rbd_diff_iterate2} tells, in order, into those of a request: what lies between them is a hole.
 */
final class Extents implements LibRbd.Diff {
    /** Ends an iteration of which no more is wanted. */
    static final int ENOUGH = -125;

    private final IoRequest request;
    private final long end;
    private long at;
    private boolean wanted = true;

    /**
     * For one request.
     *
     * @param request of command {@code BLOCK_STATUS}
     * @param end up to where the image is asked
     */
    Extents(IoRequest request, long end) {
        this.request = request;
        this.end = end;
        at = request.offset();
    }

    @Override
    public int extent(long offset, long length, int exists, long argument) {
        long from = Math.max(at, Math.min(offset, end));
        long to = Math.max(from, Math.min(offset + length, end));
        tell(from - at, true);
        tell(to - from, exists == 0);
        return wanted ? 0 : ENOUGH;
    }

    /** The iteration is over: the rest is a hole. */
    void finish() {
        tell(end - at, true);
    }

    private void tell(long length, boolean hole) {
        if (length > 0 && wanted) {
            at += length;
            wanted = request.extent(length, hole, hole);
        }
    }
}
