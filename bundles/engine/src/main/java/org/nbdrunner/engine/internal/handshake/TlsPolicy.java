package org.nbdrunner.engine.internal.handshake;

import java.util.Objects;
import java.util.function.Supplier;
import javax.net.ssl.SSLEngine;
import org.nbdrunner.engine.internal.tls.TlsMode;

/**
 * Whether and how newstyle clients encrypt.
 *
 * @param mode whether they may, or must
 * @param engines makes the engine of each connection; may be null if they may not
 */
public record TlsPolicy(TlsMode mode, Supplier<SSLEngine> engines) {
    /** No encryption. */
    public static final TlsPolicy OFF = new TlsPolicy(TlsMode.OFF, null);

    /** Checks that engines are there if they are needed. */
    public TlsPolicy {
        if (mode != TlsMode.OFF) {
            Objects.requireNonNull(engines, "engines");
        }
    }
}
