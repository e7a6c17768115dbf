package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.ConfigurationAdmin;

/** A handler's bundle comes to a running Felix, is used, and goes. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class HandlerLifecycleIT {
    private static final String HANDLER = "org.nbdrunner.handler.dummy";

    @Inject
    private BundleContext context;

    @Inject
    private ConfigurationAdmin configurations;

    @Configuration
    public Option[] configuration() throws Exception {
        List<Option> options = new ArrayList<>();
        Path system = Path.of(System.getProperty("distribution")).resolve("system");
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(system, "*.jar")) {
            for (Path jar : jars) {
                if (!jar.getFileName().toString().startsWith(HANDLER)) {
                    options.add(bundle(jar.toUri().toString()));
                }
            }
        }
        options.add(junitBundles());
        options.add(frameworkProperty("org.ops4j.pax.logging.DefaultServiceLog.level")
                .value("WARN"));
        options.add(frameworkProperty("gosh.args").value("--nointeractive"));
        return options.toArray(Option[]::new);
    }

    @Test
    public void aHandlerComesServesAndGoes() throws Exception {
        Path directory = Files.createTempDirectory("lifecycle");
        List<Integer> ports = Runner.freePorts(2);
        configure("org.nbdrunner.engine", Map.of("port", ports.get(0), "legacyPort", 0));
        configure("org.nbdrunner.rpc", Map.of("port", ports.get(1), "livenessPort", 0, "rpcbind", false));
        configure("org.nbdrunner.registry", Map.of("directory", directory.toString(), "timeout", 2));
        Runner.await("control", 60, () -> context.getServiceReference(Control.class) != null);
        ServiceReference<Control> reference = context.getServiceReference(Control.class);
        Control control = context.getService(reference);

        ControlException absent = assertThrows(
                ControlException.class, () -> control.create("dummy", "disk", 1 << 20, false, ProgressListener.NONE));
        assertEquals(Errno.ENODEV, absent.errno());

        Bundle handler = context.installBundle(jar().toUri().toString());
        handler.start();
        Runner.await("the handler", 60, has(control, 1));
        control.create("dummy", "disk", 1 << 20, false, ProgressListener.NONE);
        String uri = "nbd://127.0.0.1:" + ports.get(0) + "/dummy/disk";
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 9 0 64k", "-c", "read -P 9 0 64k", uri)
                .ok();

        handler.uninstall();
        Runner.await("the handler to go", 60, has(control, 0));
        Tool.Result refused = Tool.run("nbdinfo", uri);
        assertNotEquals(0, refused.exit());
        assertTrue(refused.toString(), refused.err().contains("dummy/disk"));
        ControlException gone = assertThrows(
                ControlException.class, () -> control.create("dummy", "other", 1 << 20, false, ProgressListener.NONE));
        assertEquals(Errno.ENODEV, gone.errno());
        assertTrue(gone.getMessage(), gone.getMessage().contains("dummy"));
        context.ungetService(reference);
    }

    private static BooleanSupplier has(Control control, int count) {
        return () -> {
            try {
                return control.handlers().stream()
                                .filter(h -> h.name().equals("dummy") && h.state() != HandlerState.ABSENT)
                                .count()
                        == count;
            } catch (ControlException e) {
                throw new AssertionError(e);
            }
        };
    }

    private static Path jar() throws Exception {
        Path system = Path.of(System.getProperty("distribution")).resolve("system");
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(system, HANDLER + "-*.jar")) {
            return jars.iterator().next();
        }
    }

    private void configure(String pid, Map<String, Object> values) throws Exception {
        configurations.getConfiguration(pid, "?").update(FrameworkUtil.asDictionary(values));
    }
}
