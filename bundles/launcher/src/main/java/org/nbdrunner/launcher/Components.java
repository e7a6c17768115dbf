package org.nbdrunner.launcher;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceListener;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.osgi.service.component.runtime.dto.UnsatisfiedReferenceDTO;

/** The declarative-services components of some bundles, as the component runtime reports them. */
final class Components {
    private static final String RUNTIME = "(objectClass=" + ServiceComponentRuntime.class.getName() + ")";
    private static final String REQUIRE = "require";

    /** The component property of those that nbd-runner starts without, if need be: what they use may be missing. The log says so. */
    private static final String OPTIONAL = "nbd.start.optional";

    private final BundleContext context;
    private final ServiceComponentRuntime runtime;
    private final Bundle[] bundles;
    private final Predicate<String> unconfigured;

    /**
     * The components of some bundles.
     *
     * @param context of the framework
     * @param bundles whose components
     * @param unconfigured tells of a PID whether its configuration is missing
     * @throws StartException if there is no component runtime
     */
    Components(BundleContext context, List<Bundle> bundles, Predicate<String> unconfigured) throws StartException {
        ServiceReference<ServiceComponentRuntime> reference =
                context.getServiceReference(ServiceComponentRuntime.class);
        if (reference == null) {
            throw new StartException(
                    "no component runtime has started: the features in conf/nbd-runner.properties must include core");
        }
        this.context = context;
        this.runtime = context.getService(reference);
        this.bundles = bundles.toArray(Bundle[]::new);
        this.unconfigured = unconfigured;
    }

    /**
     * Waits until all of them run: those that are immediate are active, the others can be got. The runtime announces every change of a
     * component by a change of its own service properties.
     *
     * @param timeout how long at most
     * @throws StartException if one has failed that is not optional, has no configuration, or does not become ready in time
     * @throws InterruptedException if the thread was interrupted
     */
    void await(Duration timeout) throws StartException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        Semaphore changes = new Semaphore(0);
        ServiceListener listener = event -> changes.release();
        try {
            context.addServiceListener(listener, RUNTIME);
            Optional<String> obstacle = obstacle();
            while (obstacle.isPresent()) {
                if (!changes.tryAcquire(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                    throw new StartException("not started within " + timeout.toSeconds() + " s: " + obstacle.get());
                }
                changes.drainPermits();
                obstacle = obstacle();
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        } finally {
            context.removeServiceListener(listener);
        }
    }

    /**
     * The properties of the components that a configuration belongs to.
     *
     * @param pid of the configuration
     * @return one map for each component that is active
     */
    List<Map<String, Object>> properties(String pid) {
        return runtime.getComponentDescriptionDTOs(bundles).stream()
                .filter(description -> List.of(description.configurationPid).contains(pid))
                .flatMap(description -> runtime.getComponentConfigurationDTOs(description).stream())
                .filter(component -> component.state == ComponentConfigurationDTO.ACTIVE)
                .map(component -> component.properties)
                .toList();
    }

    /** What the start is waiting for; failures are looked for first, since they are why others wait. */
    private Optional<String> obstacle() throws StartException {
        List<ComponentConfigurationDTO> components = new ArrayList<>();
        List<String> waiting = new ArrayList<>();
        for (ComponentDescriptionDTO description : runtime.getComponentDescriptionDTOs(bundles)) {
            Collection<ComponentConfigurationDTO> found = runtime.getComponentConfigurationDTOs(description);
            components.addAll(found);
            if (found.isEmpty() && runtime.isComponentEnabled(description)) {
                missingConfiguration(description).ifPresent(waiting::add);
            }
        }
        for (ComponentConfigurationDTO component : components) {
            if (component.state == ComponentConfigurationDTO.FAILED_ACTIVATION && !isOptional(component)) {
                throw new StartException(failure(component));
            }
        }
        for (ComponentConfigurationDTO component : components) {
            waitsFor(component).ifPresent(waiting::add);
        }
        return waiting.stream().findFirst();
    }

    private static boolean isOptional(ComponentConfigurationDTO component) {
        return Boolean.TRUE.equals(component.description.properties.get(OPTIONAL));
    }

    /** The component's own words, behind its PID: that is where its configuration is. */
    private static String failure(ComponentConfigurationDTO component) {
        String line = Failures.lineOfTrace(component.failure);
        String pid = component.description.configurationPid[0];
        return line.contains(pid) ? line : pid + ": " + line;
    }

    private Optional<String> missingConfiguration(ComponentDescriptionDTO description) throws StartException {
        if (!description.configurationPolicy.equals(REQUIRE)) {
            return Optional.empty();
        }
        for (String pid : description.configurationPid) {
            if (unconfigured.test(pid)) {
                throw new StartException("conf/" + pid + ".cfg is missing: " + description.name + " needs it");
            }
        }
        return Optional.empty();
    }

    private static Optional<String> waitsFor(ComponentConfigurationDTO component) {
        ComponentDescriptionDTO description = component.description;
        return switch (component.state) {
            case ComponentConfigurationDTO.ACTIVE, ComponentConfigurationDTO.FAILED_ACTIVATION -> Optional.empty();
            case ComponentConfigurationDTO.SATISFIED ->
                description.immediate ? Optional.of(description.name + " is being activated") : Optional.empty();
            case ComponentConfigurationDTO.UNSATISFIED_REFERENCE ->
                Optional.of(description.name + " waits for " + services(component));
            default -> Optional.of(description.name + " waits for its configuration");
        };
    }

    private static String services(ComponentConfigurationDTO component) {
        return Stream.of(component.unsatisfiedReferences)
                .map((UnsatisfiedReferenceDTO unsatisfied) -> Stream.of(component.description.references)
                        .filter(reference -> reference.name.equals(unsatisfied.name))
                        .map(reference -> reference.interfaceName)
                        .findFirst()
                        .orElse(unsatisfied.name))
                .collect(Collectors.joining(", "));
    }
}
