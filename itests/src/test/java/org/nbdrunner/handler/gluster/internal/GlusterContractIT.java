package org.nbdrunner.handler.gluster.internal;

import org.junit.jupiter.api.BeforeAll;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.itests.Gluster;
import org.nbdrunner.kit.HandlerContract;

/** The contract of handlers, on a real volume. */
public class GlusterContractIT extends HandlerContract {
    private static GlusterHandler handler;

    @BeforeAll
    static void start() throws Exception {
        Gluster.start(Gluster.PLAIN);
        handler = new GlusterHandler(NativeGfapi.load(), "localhost", 60, "");
    }

    @Override
    protected Handler handler() {
        return handler;
    }

    @Override
    protected String name(String suffix) {
        return Gluster.PLAIN + "/some/where/" + super.name(suffix);
    }
}
