package org.nbdrunner.engine.internal;

import java.time.Duration;

/**
 * The engine's limits.
 *
 * @param maxConnections connections served at once; further ones are closed when they are accepted
 * @param connectionMemory bytes of payload that one connection may have in flight; past it the engine stops reading from that socket
 * @param maxRequests requests that one connection may have in flight; likewise
 * @param handshakeTimeout how long a client may take from connecting to its first request
 * @param drainTimeout how long requests in flight may take when the engine stops
 */
public record EngineSettings(
        int maxConnections, long connectionMemory, int maxRequests, Duration handshakeTimeout, Duration drainTimeout) {

    /** What holds where nothing else is configured. */
    public static final EngineSettings DEFAULT =
            new EngineSettings(4096, 64 << 20, 1024, Duration.ofSeconds(30), Duration.ofSeconds(20));
}
