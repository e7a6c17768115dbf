package org.nbdrunner.launcher;

import java.io.IOException;
import java.util.List;
import org.nbdrunner.launcher.feature.Feature;
import org.nbdrunner.launcher.feature.FeatureDefaults;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceEvent;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.ConfigurationAdmin;

/**
 * The configurations of the features, given to Config Admin the moment it is there, which is before any component is. Where
 * {@code conf/} has a file for a PID, File Install provides that configuration, and the feature's is left out.
 */
final class DefaultConfigurations {
    private final List<Feature> features;
    private final Layout layout;

    DefaultConfigurations(List<Feature> features, Layout layout) {
        this.features = features;
        this.layout = layout;
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
            FeatureDefaults.provide(features, layout.conf(), admin);
        } catch (IOException e) {
            Notice.warn("the configurations of the features cannot be stored: " + Failures.line(e), e);
        } finally {
            context.ungetService(reference);
        }
    }
}
