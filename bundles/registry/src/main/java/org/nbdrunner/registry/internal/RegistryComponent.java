package org.nbdrunner.registry.internal;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.HandlerWatch;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** Starts a {@link Registry}, passes handlers on to it, and registers its services. */
@Component(
        service = {},
        immediate = true,
        configurationPid = RegistryComponent.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = RegistryComponent.Config.class)
public final class RegistryComponent {
    static final String PID = "org.nbdrunner.registry";

    /** The service property of handlers whose backstores are no more when the handler is. */
    private static final String VOLATILE = "nbd.handler.volatile";

    /** The configuration. */
    @ObjectClassDefinition(
            name = "nbd-runner: registry",
            description = "Keeps the backstores, their states and their saved configuration")
    public @interface Config {

        /**
         * Where the saved configuration is.
         *
         * @return a path
         */
        @AttributeDefinition(name = "Directory", description = "An existing directory; holds saveconfig.json")
        String directory();

        /**
         * Connections of a mapped device.
         *
         * @return at least 1
         */
        @AttributeDefinition(
                name = "Connections",
                description = "How many connections a mapped device may have where its storage allows several",
                min = "1")
        int connections() default 4;

        /**
         * How long requests wait for a handler to come back.
         *
         * @return seconds
         */
        @AttributeDefinition(
                name = "Timeout",
                description = "Seconds that requests wait for a handler to come back, where no mapping says otherwise",
                min = "1")
        int timeout() default 30;
    }

    private final Registry registry;
    private final List<ServiceRegistration<?>> registrations = new ArrayList<>();

    @Reference(
            cardinality = ReferenceCardinality.OPTIONAL,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile IoEndpoint endpoint;

    /**
     * Loads the saved configuration.
     *
     * @param config typed
     * @param unclean told of each backstore whose volume could not be flushed or closed as it should; null if nobody wants to know
     * @throws IOException if it cannot be loaded; one line says what is wrong where
     */
    @Activate
    public RegistryComponent(
            Config config,
            @Reference(cardinality = ReferenceCardinality.OPTIONAL, target = "(nbd.unclean=true)")
                    Consumer<String> unclean)
            throws IOException {
        registry = new Registry(settings(config), () -> endpoint, unclean == null ? key -> {} : unclean);
    }

    private static Settings settings(Config config) throws IOException {
        if (config.directory() == null || config.directory().isBlank()) {
            throw new IOException(
                    "directory is missing in the configuration " + PID + ": name where to keep saveconfig.json");
        }
        try {
            return Settings.of(Path.of(config.directory()), config.connections(), Duration.ofSeconds(config.timeout()));
        } catch (InvalidPathException e) {
            throw new IOException("directory in the configuration " + PID + " is no path: " + e.getMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new IOException("configuration " + PID + ": " + e.getMessage(), e);
        }
    }

    @Activate
    void start(BundleContext context) {
        registrations.add(context.registerService(Control.class, registry.control(), null));
        registrations.add(context.registerService(HandlerWatch.class, registry.watch(), null));
        registrations.add(context.registerService(Exports.class, registry.exports(), null));
    }

    @Deactivate
    void stop() throws IOException {
        registrations.forEach(ServiceRegistration::unregister);
        registry.close();
    }

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            target = "(" + HandlerName.PROPERTY + "=*)")
    void bindHandler(Handler handler, Map<String, Object> properties) {
        if (Boolean.TRUE.equals(properties.get(VOLATILE))) {
            registry.forget(name(properties));
        }
        registry.add(name(properties), handler, ranking(properties), id(properties), origin(handler, properties));
    }

    void updatedHandler(Handler handler, Map<String, Object> properties) {
        registry.update(name(properties), handler, ranking(properties), id(properties), origin(handler, properties));
    }

    void unbindHandler(Handler handler) {
        registry.remove(handler);
    }

    private static String name(Map<String, Object> properties) {
        return String.valueOf(properties.get(HandlerName.PROPERTY));
    }

    private static int ranking(Map<String, Object> properties) {
        return properties.get(Constants.SERVICE_RANKING) instanceof Integer ranking ? ranking : 0;
    }

    private static HandlerService.Origin origin(Handler handler, Map<String, Object> properties) {
        Bundle bundle = FrameworkUtil.getBundle(handler.getClass());
        return new HandlerService.Origin(
                properties.get(Constants.SERVICE_BUNDLEID) instanceof Long id ? id : -1,
                bundle == null ? "" : bundle.getSymbolicName(),
                bundle == null ? "" : bundle.getVersion().toString());
    }

    private static long id(Map<String, Object> properties) {
        return properties.get(Constants.SERVICE_ID) instanceof Long id ? id : Long.MAX_VALUE;
    }
}
