package org.nbdrunner.netlink;

import java.util.Objects;

/**
 * What to map, where it is served, and how the kernel is to treat it.
 *
 * @param host the runner's address for I/O
 * @param port the runner's port for I/O, 1 to 65,535
 * @param cfgstring the backstore's name, as it was announced to the runner
 * @param device {@code /dev/nbdX}; empty for any free one, where the operation allows that
 * @param size bytes
 * @param blockSize the logical block size in bytes: a power of two, at least 512
 * @param flags transmission flags, {@code NBD_FLAG_…} of the NBD protocol; 0 if the runner did not tell, which the kernel takes for a
 *     device without a write cache
 * @param readOnly whether the kernel shall refuse writes, whatever the flags say
 * @param timeout seconds that an I/O may take before its connection is given up; 0 for the kernel's default
 * @param deadTimeout seconds that I/O waits for a new connection when all have died; 0 to fail at once
 * @param connections how many connections serve the device, at least 1; more than one are made only if the flags say
 *     {@code NBD_FLAG_CAN_MULTI_CONN}
 * @param identifier what the kernel compares on {@linkplain Mapper#reconnect reconnecting}, so that a device never continues on another
 *     backstore; empty for none
 */
public record MapRequest(
        String host,
        int port,
        String cfgstring,
        String device,
        long size,
        int blockSize,
        int flags,
        boolean readOnly,
        int timeout,
        int deadTimeout,
        int connections,
        String identifier) {

    /** Checks the bounds. */
    public MapRequest {
        Objects.requireNonNull(host, "host");
        Objects.requireNonNull(cfgstring, "cfgstring");
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(identifier, "identifier");
        check(port >= 1 && port <= 65535, "port", port);
        check(size >= 0, "size", size);
        check(blockSize >= 512 && Integer.bitCount(blockSize) == 1, "block size", blockSize);
        check(timeout >= 0, "timeout", timeout);
        check(deadTimeout >= 0, "dead timeout", deadTimeout);
        check(connections >= 1, "number of connections", connections);
    }

    private static void check(boolean ok, String what, long value) {
        if (!ok) {
            throw new IllegalArgumentException(what + " " + value + " is out of bounds");
        }
    }
}
