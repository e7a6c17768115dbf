package org.nbdrunner.netlink.internal;

import java.io.IOException;

/** The kernel answered a netlink request with an error. Whoever asked knows what it means. */
final class NetlinkRefusal extends IOException {
    private static final long serialVersionUID = 1;

    private final int errno;

    /**
     * A refusal.
     *
     * @param errno positive
     * @param words the kernel's own; may be empty
     */
    NetlinkRefusal(int errno, String words) {
        super(words);
        this.errno = errno;
    }

    /**
     * The number.
     *
     * @return positive
     */
    int errno() {
        return errno;
    }
}
