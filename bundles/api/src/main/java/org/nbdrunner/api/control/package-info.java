/**
 * Control: what administrators ask of a runner. There is one interface, {@link org.nbdrunner.api.control.Control}, whether the runner is
 * in this process (the registry's service) or across the network (the RPC client).
 */
@Export
@Version("1.1.0")
package org.nbdrunner.api.control;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
