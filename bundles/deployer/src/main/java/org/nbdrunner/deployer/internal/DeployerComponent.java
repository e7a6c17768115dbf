package org.nbdrunner.deployer.internal;

import java.nio.file.Path;
import java.time.Duration;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.control.HandlerWatch;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** Starts the {@link Guard}, and registers the administration of handlers where there is a distribution to administer. */
@Component(
        service = {},
        immediate = true,
        configurationPid = DeployerComponent.PID)
@Designate(ocd = DeployerComponent.Config.class)
public final class DeployerComponent {
    static final String PID = "org.nbdrunner.deployer";

    private static final String HOME = "nbd.home";
    private static final String DATA = "nbd.data";

    /** How long File Install takes at most to look at {@code deploy/} twice, on a busy machine. */
    private static final Duration PICK_UP = Duration.ofSeconds(10);

    /** The configuration. */
    @ObjectClassDefinition(
            name = "nbd-runner: deployer",
            description = "Installs, upgrades and removes handlers, and takes back an upgrade that does not work")
    public @interface Config {

        /**
         * How long a handler may take to start.
         *
         * @return seconds
         */
        @AttributeDefinition(
                name = "Start timeout",
                description = "Seconds that a new version of a handler may take to start and to open the volumes that"
                        + " clients use, before the version that worked is put back",
                min = "1")
        int startTimeout() default 10;

        /**
         * How long a handler may take to stop.
         *
         * @return seconds
         */
        @AttributeDefinition(
                name = "Stop timeout",
                description = "Seconds that a handler may take to stop, the 30 that its volumes have for closing"
                        + " included, before it is told that its bundle hangs",
                min = "1")
        int stopTimeout() default 45;
    }

    private final Guard guard;
    private final IgnoredFiles ignored;
    private final ServiceRegistration<HandlerAdmin> registration;

    /**
     * Watches from now on.
     *
     * @param context its own bundle's
     * @param watch tells how handlers fare
     * @param configurations for features that are added
     * @param components knows which components fail
     * @param config typed
     */
    @Activate
    public DeployerComponent(
            BundleContext context,
            @Reference HandlerWatch watch,
            @Reference ConfigurationAdmin configurations,
            @Reference ServiceComponentRuntime components,
            Config config) {
        String home = context.getProperty(HOME);
        String data = context.getProperty(DATA);
        Settings settings = new Settings(
                Path.of(home == null ? "" : home),
                Path.of(data == null ? "" : data),
                context.getDataFile("copies").toPath(),
                seconds("startTimeout", config.startTimeout()),
                seconds("stopTimeout", config.stopTimeout()),
                PICK_UP);
        guard = new Guard(context, watch, new BundleChanger.Components(components), settings);
        guard.start();
        ignored = home == null ? null : new IgnoredFiles(settings.deploy());
        if (ignored != null) {
            ignored.start();
        }
        registration = home == null || data == null
                ? null
                : context.registerService(
                        HandlerAdmin.class,
                        new Admin(context, watch, guard, new Features(context, configurations, settings), settings),
                        null);
    }

    private static Duration seconds(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(
                    "configuration " + PID + ": " + key + " is " + value + ", at least 1 is needed");
        }
        return Duration.ofSeconds(value);
    }

    /** Watches no more. */
    @Deactivate
    public void deactivate() {
        if (registration != null) {
            registration.unregister();
        }
        if (ignored != null) {
            ignored.close();
        }
        guard.close();
    }
}
