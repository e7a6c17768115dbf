package org.nbdrunner.engine.internal.tls;

/** Whether clients may, or must, encrypt; the names are those of the protocol document's NOTLS, SELECTIVETLS and FORCEDTLS. */
public enum TlsMode {
    /** No encryption. */
    OFF,
    /** As the client likes. */
    ON,
    /** Nothing is told to a client before it has encrypted. */
    REQUIRE
}
