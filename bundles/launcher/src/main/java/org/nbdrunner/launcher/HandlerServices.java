package org.nbdrunner.launcher;

import java.util.List;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;

/** The handlers' services, known by their service property alone: the launcher has none of their classes. */
final class HandlerServices {
    /** The service property that names a handler. */
    private static final String NAME = "nbd.handler.name";

    /** What they have in common, as a filter. */
    static final String FILTER = "(" + NAME + "=*)";

    private HandlerServices() {}

    /**
     * A handler's name.
     *
     * @param service a handler's
     * @return as users type it
     */
    static String name(ServiceReference<?> service) {
        return String.valueOf(service.getProperty(NAME));
    }

    /**
     * The handlers there are.
     *
     * @param context of the framework
     * @return their names, sorted
     */
    static List<String> names(BundleContext context) {
        try {
            ServiceReference<?>[] services = context.getAllServiceReferences(null, FILTER);
            return services == null
                    ? List.of()
                    : Stream.of(services)
                            .map(HandlerServices::name)
                            .sorted()
                            .distinct()
                            .toList();
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Whether a bundle has a handler of some name.
     *
     * @param bundle which
     * @param name of the handler
     * @return whether a service of it bears that name
     */
    static boolean has(Bundle bundle, String name) {
        ServiceReference<?>[] services = bundle.getRegisteredServices();
        return services != null && Stream.of(services).anyMatch(service -> name.equals(service.getProperty(NAME)));
    }
}
