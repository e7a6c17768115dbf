package org.nbdrunner.launcher;

import java.util.concurrent.CountDownLatch;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** An activator that does not let its bundle stop before it is told to. Its class is loaded by the bundle. */
public final class Clinging implements BundleActivator {
    static final String HELD = "test.held";
    static final String RELEASE = "test.release";

    @Override
    public void start(BundleContext context) {}

    @Override
    public void stop(BundleContext context) throws Exception {
        latch(HELD).countDown();
        latch(RELEASE).await();
    }

    static CountDownLatch latch(String name) {
        return (CountDownLatch) System.getProperties().computeIfAbsent(name, n -> new CountDownLatch(1));
    }
}
