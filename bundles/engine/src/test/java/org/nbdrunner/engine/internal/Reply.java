package org.nbdrunner.engine.internal;

import java.util.List;

/** What a server answered to one request. */
final class Reply {
    /** A range of one kind. */
    record Extent(long length, long flags) {}

    private final long cookie;
    private final int error;
    private final String text;
    private final byte[] data;
    private final List<Extent> extents;

    Reply(long cookie, int error, String text, byte[] data, List<Extent> extents) {
        this.cookie = cookie;
        this.error = error;
        this.text = text;
        this.data = data;
        this.extents = extents;
    }

    /** The request's. */
    long cookie() {
        return cookie;
    }

    /** 0 or NBD's number. */
    int error() {
        return error;
    }

    /** For people; empty if there was none. */
    String text() {
        return text;
    }

    /** Of a read; empty for others. */
    byte[] data() {
        return data;
    }

    /** Of a block status; empty for others. */
    List<Extent> extents() {
        return extents;
    }
}
