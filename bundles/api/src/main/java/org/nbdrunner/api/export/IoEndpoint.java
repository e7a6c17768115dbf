package org.nbdrunner.api.export;

import org.osgi.annotation.versioning.ProviderType;

/** Where legacy I/O is served; a service of the engine while its listener accepts. */
@ProviderType
public interface IoEndpoint {

    /**
     * The address that clients should dial.
     *
     * @return a host name or address; empty if the listener takes connections on every address
     */
    String host();

    /**
     * The port.
     *
     * @return 1 to 65,535
     */
    int port();
}
