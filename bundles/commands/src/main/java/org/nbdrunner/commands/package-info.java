/** The commands of nbd-runner, the same whether they are typed in the Gogo shell or given to {@code nbd-cli}. */
@Export
@Version("2.0.0")
package org.nbdrunner.commands;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
