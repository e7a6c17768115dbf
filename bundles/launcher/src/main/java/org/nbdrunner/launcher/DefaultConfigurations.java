package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceEvent;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;

/**
 * The configurations of the features, given to Config Admin the moment it is there, which is before any component is. Where
 * {@code conf/} has a file for a PID, File Install provides that configuration, and the feature's is left out.
 */
final class DefaultConfigurations {
    private static final String FACTORY_SEPARATOR = "~";

    private final Map<String, Map<String, Object>> configurations = new TreeMap<>();

    DefaultConfigurations(List<Feature> features, Layout layout) {
        for (Feature feature : features) {
            feature.configurations().forEach((pid, properties) -> {
                if (!Files.exists(layout.conf().resolve(pid.replace(FACTORY_SEPARATOR, "-") + ".cfg"))) {
                    configurations.put(pid, properties);
                }
            });
        }
    }

    /**
     * Waits for Config Admin.
     *
     * @param context of the framework, not yet started
     */
    void provideTo(BundleContext context) {
        try {
            context.addServiceListener(
                    event -> {
                        if (event.getType() == ServiceEvent.REGISTERED) {
                            provide(context, event.getServiceReference());
                        }
                    },
                    "(objectClass=" + ConfigurationAdmin.class.getName() + ")");
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private void provide(BundleContext context, ServiceReference<?> reference) {
        ConfigurationAdmin admin = (ConfigurationAdmin) context.getService(reference);
        try {
            for (Map.Entry<String, Map<String, Object>> entry : configurations.entrySet()) {
                configuration(admin, entry.getKey()).update(FrameworkUtil.asDictionary(entry.getValue()));
            }
        } catch (IOException e) {
            Notice.warn("the configurations of the features cannot be stored: " + Failures.line(e), e);
        } finally {
            context.ungetService(reference);
        }
    }

    /** For whichever bundle wants it: "?" binds it to no location. */
    private static Configuration configuration(ConfigurationAdmin admin, String pid) throws IOException {
        String[] factoryAndName = pid.split(FACTORY_SEPARATOR, 2);
        return factoryAndName.length == 2
                ? admin.getFactoryConfiguration(factoryAndName[0], factoryAndName[1], "?")
                : admin.getConfiguration(pid, "?");
    }
}
