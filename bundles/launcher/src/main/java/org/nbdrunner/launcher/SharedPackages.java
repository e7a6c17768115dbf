package org.nbdrunner.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.List;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.osgi.framework.Constants;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.util.function.Function;
import org.osgi.util.promise.Promise;

/** Packages on the launcher's class path that the framework exports, so that the launcher and the bundles mean the same interfaces. */
final class SharedPackages {
    private static final List<Class<?>> REPRESENTATIVES =
            List.of(ConfigurationAdmin.class, ServiceComponentRuntime.class, Promise.class, Function.class);

    private SharedPackages() {}

    /**
     * What the jars of those interfaces export.
     *
     * @return in the syntax of {@code Export-Package}
     */
    static String exports() {
        return REPRESENTATIVES.stream().map(SharedPackages::exports).collect(Collectors.joining(","));
    }

    private static String exports(Class<?> type) {
        String entry = type.getName().replace('.', '/') + ".class";
        String url = String.valueOf(type.getClassLoader().getResource(entry));
        try (InputStream in = new URL(url.replace(entry, "META-INF/MANIFEST.MF")).openStream()) {
            return new Manifest(in).getMainAttributes().getValue(Constants.EXPORT_PACKAGE);
        } catch (IOException e) {
            throw new IllegalStateException("no manifest in the jar of " + type.getName(), e);
        }
    }
}
