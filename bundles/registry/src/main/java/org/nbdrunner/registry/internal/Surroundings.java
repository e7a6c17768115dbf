package org.nbdrunner.registry.internal;

import org.nbdrunner.registry.internal.gate.Tasks;
import org.nbdrunner.registry.internal.gate.VolumeCloser;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.nbdrunner.registry.internal.handlers.HandlerTable;
import org.nbdrunner.registry.internal.store.SavedConfiguration;

/**
 * What all backstores share.
 *
 * @param settings bounds
 * @param configuration where they are saved
 * @param handlers those present
 * @param closer closes volumes
 * @param tasks runs what may take long
 * @param changes told whenever a volume was opened for clients, or could not be
 */
record Surroundings(
        Settings settings,
        SavedConfiguration configuration,
        HandlerTable handlers,
        VolumeCloser closer,
        Tasks tasks,
        Changes changes) {

    boolean isServing(HandlerService handler) {
        return handlers.serving(handler.name()).orElse(null) == handler;
    }
}
