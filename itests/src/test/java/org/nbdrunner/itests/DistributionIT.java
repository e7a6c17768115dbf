package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.systemProperty;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;

/** Inside Felix with exactly the bundles that the distribution ships. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class DistributionIT {
    @Inject
    private BundleContext context;

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
        options.add(systemProperty("pax.exam.osgi.unresolved.fail").value("true"));
        options.add(frameworkProperty("org.ops4j.pax.logging.DefaultServiceLog.level")
                .value("WARN"));
        options.add(frameworkProperty("gosh.args").value("--nointeractive"));
        return options.toArray(Option[]::new);
    }

    @Test
    public void everyShippedBundleIsActive() {
        for (Bundle b : context.getBundles()) {
            if (b.getHeaders().get(Constants.FRAGMENT_HOST) == null) {
                assertEquals(b.toString(), Bundle.ACTIVE, b.getState());
            }
        }
    }

    @Test
    public void internalPackagesAreNotExported() {
        for (Bundle b : context.getBundles()) {
            String exports = String.valueOf(b.getHeaders().get(Constants.EXPORT_PACKAGE));
            assertTrue(b + " exports " + exports, !exports.matches(".*org\\.nbdrunner\\.[a-z.]*internal.*"));
        }
    }
}
