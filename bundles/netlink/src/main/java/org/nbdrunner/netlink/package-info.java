/**
 * Maps exports to the kernel's network block devices, {@code /dev/nbdX}.
 *
 * <p>{@link org.nbdrunner.netlink.Mapper} is what commands use; {@link org.nbdrunner.netlink.KernelMapper} is the one that talks to
 * the kernel of this machine.
 */
@Export
@Version("1.0.0")
package org.nbdrunner.netlink;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
