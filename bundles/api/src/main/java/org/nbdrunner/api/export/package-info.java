/**
 * What the registry offers to the NBD IO engine: exports by name, each behind a gate that can hold its requests back while the handler
 * is swapped; and what the engine offers to the registry: where its listeners are. Neither handlers nor clients need this package.
 */
@Export
@Version("1.1.0")
package org.nbdrunner.api.export;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
