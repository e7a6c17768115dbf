/**
 * The client of the control program: a {@link org.nbdrunner.api.control.Control} and a {@link org.nbdrunner.api.control.HandlerAdmin}
 * over the network.
 */
@Export
@Version("1.1.0")
package org.nbdrunner.rpc;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
