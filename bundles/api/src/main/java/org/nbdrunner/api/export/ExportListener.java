package org.nbdrunner.api.export;

import org.osgi.annotation.versioning.ConsumerType;

/** One connection, as the registry sees it. */
@FunctionalInterface
@ConsumerType
public interface ExportListener {

    /**
     * The connection has lost its export (its mapping was ended, or taken over by a newer connection): it must close its socket without
     * answering anything more, and then its {@link OpenExport}. May be called on any thread, more than once, and must return at once.
     *
     * @param reason for the log
     */
    void revoked(String reason);
}
