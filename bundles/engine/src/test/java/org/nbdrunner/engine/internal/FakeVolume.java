package org.nbdrunner.engine.internal;

import java.util.function.Consumer;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** A volume that does with its requests what a test wants. */
record FakeVolume(VolumeInfo info, Consumer<IoRequest> behaviour) implements Volume {
    @Override
    public void submit(IoRequest request) {
        behaviour.accept(request);
    }

    @Override
    public void close() {}
}
