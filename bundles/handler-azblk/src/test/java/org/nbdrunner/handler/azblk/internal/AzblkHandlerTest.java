package org.nbdrunner.handler.azblk.internal;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.kit.HandlerContract;

class AzblkHandlerTest extends HandlerContract {
    private static FakeService service;
    private static Handler handler;

    @BeforeAll
    static void start() throws Exception {
        service = new FakeService();
        handler = TestConfig.handler();
    }

    @AfterAll
    static void stop() throws Exception {
        service.close();
    }

    @Override
    protected Handler handler() {
        return handler;
    }

    @Override
    protected String name(String suffix) {
        return service.cfg(super.name(suffix));
    }
}
