package org.nbdrunner.deployer.internal;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What the deployer goes by.
 *
 * @param home the unpacked distribution: has {@code conf/}, {@code features/}, {@code system/} and {@code deploy/}
 * @param data the directory for state
 * @param copies where bundles that work are kept
 * @param start how long a handler may take to start and to open the volumes that clients use
 * @param stop how long a handler may take to stop, what its volumes take included
 * @param pickUp how long it may take until a file in {@code deploy/} is found
 */
record Settings(Path home, Path data, Path copies, Duration start, Duration stop, Duration pickUp) {

    Path deploy() {
        return home.resolve("deploy");
    }
}
