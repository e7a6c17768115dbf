/**
 * The compatibility kit: what a handler must do so that nbd-runner can serve its volumes, as tests that every handler's module runs.
 *
 * <pre>{@code
 * class RamHandlerTest extends HandlerContract {
 *     @Override
 *     protected Handler handler() {
 *         return new RamHandler();
 *     }
 * }
 * }</pre>
 */
@Export
@Version("1.0.0")
package org.nbdrunner.kit;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
