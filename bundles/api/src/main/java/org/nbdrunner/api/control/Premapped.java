package org.nbdrunner.api.control;

/**
 * What a client needs to connect a mapping's I/O.
 *
 * @param device if not empty: the mapping is dead, reconnect this device instead of a new one
 * @param host where its I/O is served; empty means the host through which control was reached
 * @param port 1 to 65,535
 * @param size bytes
 * @param blockSize the logical block size: a power of two, at least 512
 * @param flags transmission flags of the NBD protocol, {@code NBD_FLAG_…}; 0 if the runner is too old to tell
 * @param connections how many connections may serve the device at once, at least 1
 */
public record Premapped(String device, String host, int port, long size, int blockSize, int flags, int connections) {}
