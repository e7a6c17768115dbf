package org.nbdrunner.netlink;

import java.util.Objects;

/**
 * A network block device of the kernel, as it was when it was asked for.
 *
 * @param path {@code /dev/nbdX}
 * @param connected whether it is mapped to something
 * @param size bytes; 0 if it is not mapped
 * @param readOnly whether the kernel refuses writes to it
 * @param inUse whether it, or a partition of it, is mounted, used for swapping, or held by another device
 * @param backend what it is mapped to, in the words of who mapped it ({@link MapRequest#identifier}); empty if nothing was said, or the
 *     kernel is too old to keep it
 */
public record Device(String path, boolean connected, long size, boolean readOnly, boolean inUse, String backend) {

    /** Checks that there are a path and a backend. */
    public Device {
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(backend, "backend");
    }
}
