package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;

import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.HandlerWatch;
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
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.service.cm.ConfigurationAdmin;

/** A handler's bundle is updated a hundred times under load, as the shell's {@code update} does it. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class HandlerUpdateIT {
    private static final String HANDLER = "org.nbdrunner.handler.file";
    private static final int UPDATES = 100;
    private static final int LONGEST_S = 90;

    /** The present revision, and one that a thread may just be leaving. */
    private static final int REMAINING = 2;

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
                options.add(bundle(jar.toUri().toString()));
            }
        }
        options.add(junitBundles());
        options.add(frameworkProperty("org.ops4j.pax.logging.DefaultServiceLog.level")
                .value("WARN"));
        options.add(frameworkProperty("gosh.args").value("--nointeractive"));
        return options.toArray(Option[]::new);
    }

    @Test
    public void noErrorAndNoLeak() throws Exception {
        Path directory = Files.createTempDirectory("update");
        List<Integer> ports = Runner.freePorts(2);
        configure(HANDLER, Map.of("directory", directory.toString()));
        configure("org.nbdrunner.engine", Map.of("port", ports.get(0), "legacyPort", 0));
        configure("org.nbdrunner.rpc", Map.of("port", ports.get(1), "livenessPort", 0, "rpcbind", false));
        configure("org.nbdrunner.registry", Map.of("directory", directory.toString()));
        Runner.await("the registry", 60, () -> context.getServiceReference(HandlerWatch.class) != null);
        Control control = service(Control.class);
        HandlerWatch watch = service(HandlerWatch.class);
        Bundle handler = Stream.of(context.getBundles())
                .filter(b -> HANDLER.equals(b.getSymbolicName()))
                .findFirst()
                .orElseThrow();
        assertEquals(
                "",
                watch.awaitOpen("file", handler.getBundleId(), Duration.ofSeconds(60))
                        .reason());
        control.create("file", "disk", 64 << 20, false, ProgressListener.NONE);

        Path jar = directory.resolve("newer.jar");
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        try (Fio fio = new Fio("nbd://127.0.0.1:" + ports.get(0) + "/file/disk", LONGEST_S)) {
            Runner.await("fio's connections", 60, () -> watch.inUse("file") > 0);
            for (int i = 0; i < UPDATES; i++) {
                fio.assertRunning();
                loaders.add(
                        new WeakReference<>(handler.adapt(BundleWiring.class).getClassLoader()));
                Versions.make(Versions.shipped(HANDLER), "2.0." + i, jar);
                try (InputStream in = Files.newInputStream(jar)) {
                    handler.update(in);
                }
                assertEquals(
                        "",
                        watch.awaitOpen("file", handler.getBundleId(), Duration.ofSeconds(60))
                                .reason());
            }
            System.out.println(UPDATES + " updates under load: " + fio.end());
        }
        Runner.await("the class loaders of old revisions to go", 60, () -> {
            System.gc();
            return loaders.stream().filter(l -> l.get() != null).count() <= REMAINING;
        });
        control.delete("file", "disk");
    }

    private <T> T service(Class<T> type) {
        ServiceReference<T> reference = context.getServiceReference(type);
        return context.getService(reference);
    }

    private void configure(String pid, Map<String, Object> values) throws Exception {
        configurations.getConfiguration(pid, "?").update(FrameworkUtil.asDictionary(values));
    }
}
