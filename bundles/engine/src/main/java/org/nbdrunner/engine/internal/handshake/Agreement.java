package org.nbdrunner.engine.internal.handshake;

import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * What a handshake led to.
 *
 * @param export what the client chose; the connection closes it
 * @param mode the headers agreed on
 * @param blockStatus whether the client may ask for extents
 */
public record Agreement(OpenExport export, ReplyMode mode, boolean blockStatus) {}
