package org.nbdrunner.handler.azblk.internal;

import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.itests.Azurite;
import org.nbdrunner.kit.HandlerContract;
import org.osgi.util.converter.Converters;

/** The contract of handlers, on Azurite. */
public class AzblkContractIT extends HandlerContract {
    private static Azurite azurite;
    private static AzblkHandler handler;

    @BeforeAll
    static void start() throws Exception {
        azurite = new Azurite(Map.of("AZURITE_MEMORY", "1"));
        handler = new AzblkHandler(
                Converters.standardConverter().convert(Map.of()).to(AzblkHandler.Config.class));
    }

    @AfterAll
    static void stop() throws Exception {
        azurite.close();
    }

    @Override
    protected Handler handler() {
        return handler;
    }

    @Override
    protected String name(String suffix) {
        return azurite.resizable(super.name(suffix));
    }
}
