/** The client of the control program: a {@link org.nbdrunner.api.control.Control} over the network. */
@Export
@Version("1.0.0")
package org.nbdrunner.rpc;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
