package org.nbdrunner.registry.internal.gate;

import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.handlers.HandlerService;

/**
 * A volume that is open, and whose it is.
 *
 * @param volume what requests are submitted to
 * @param info what it was when it was opened
 * @param handler what opened it
 */
record OpenVolume(Volume volume, VolumeInfo info, HandlerService handler) {}
