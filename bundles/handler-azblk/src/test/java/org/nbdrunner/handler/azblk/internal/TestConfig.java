package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.lang.annotation.Annotation;

/** A configuration. */
record TestConfig(String credentials, String caFile, int inFlight, boolean merge, int readAhead)
        implements AzblkHandler.Config {
    static final TestConfig DEFAULT = new TestConfig("", "", 16, true, 1 << 20);

    static AzblkHandler handler() throws IOException {
        return new AzblkHandler(DEFAULT);
    }

    @Override
    public Class<? extends Annotation> annotationType() {
        return AzblkHandler.Config.class;
    }
}
