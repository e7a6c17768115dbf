package ${package};

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.kit.HandlerContract;

/** Does what every handler must do: the tests are in the compatibility kit. */
class DiskHandlerTest extends HandlerContract {
    @TempDir
    private Path directory;

    @Override
    protected Handler handler() throws Exception {
        return new DiskHandler(directory);
    }
}
