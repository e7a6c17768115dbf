package org.nbdrunner.handler.file.internal;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.kit.HandlerContract;

class FileHandlerTest extends HandlerContract {
    @TempDir
    private Path directory;

    @Override
    protected Handler handler() throws Exception {
        return new FileHandler(NativeSyscalls.load(), directory, 4);
    }

    @Override
    protected String name(String suffix) {
        return "some/where/" + super.name(suffix);
    }
}
