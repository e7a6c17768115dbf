package org.nbdrunner.registry.internal;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What the registry goes by.
 *
 * @param directory holds the saved configuration
 * @param connections how many connections a mapped device may have where its volume allows several; at least 1
 * @param timeout how long requests wait at a closed gate when no mapping says otherwise
 * @param patience how long an operation waits for another one on the same backstore
 * @param settle how long an operation waits for clients that are just leaving
 * @param drain how long requests in flight may take to end when a volume is to be closed
 * @param close how long a volume may take to flush, and to close
 * @param stop how long all volumes together may take to close when nbd-runner stops
 * @param resize how long a volume may take to change its size: to give up what a large image has beyond its end takes its time, but a
 *     client of control does not wait for ever
 * @param retry when to try again to open a volume that clients wait for; it doubles each time, sixteen times at most
 */
record Settings(
        Path directory,
        int connections,
        Duration timeout,
        Duration patience,
        Duration settle,
        Duration drain,
        Duration close,
        Duration stop,
        Duration resize,
        Duration retry) {

    /** What an administrator chooses, and the rest as it is good. */
    static Settings of(Path directory, int connections, Duration timeout) {
        if (connections < 1) {
            throw new IllegalArgumentException("connections is " + connections + ", at least 1 is needed");
        }
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("timeout is " + timeout.toSeconds() + " s, at least 1 is needed");
        }
        return new Settings(
                directory,
                connections,
                timeout,
                Duration.ofSeconds(5),
                Duration.ofSeconds(2),
                Duration.ofSeconds(10),
                Duration.ofSeconds(10),
                Duration.ofSeconds(10),
                Duration.ofSeconds(75),
                Duration.ofSeconds(1));
    }
}
