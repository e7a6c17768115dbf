package org.nbdrunner.kit;

import org.nbdrunner.api.handler.Handler;

class RamHandlerTest extends HandlerContract {
    @Override
    protected Handler handler() {
        return new RamHandler();
    }
}
