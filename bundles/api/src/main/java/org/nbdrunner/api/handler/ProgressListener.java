package org.nbdrunner.api.handler;

import org.osgi.annotation.versioning.ConsumerType;

/** Is told how far a long piece of work has come. */
@FunctionalInterface
@ConsumerType
public interface ProgressListener {

    /** Listens to nothing. */
    ProgressListener NONE = (done, total) -> {};

    /**
     * The work has come so far. Called on the working thread; must return soon.
     *
     * @param done bytes done
     * @param total bytes in all
     */
    void progress(long done, long total);
}
