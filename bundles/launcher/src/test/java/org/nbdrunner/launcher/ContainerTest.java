package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.launcher.feature.Feature;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceFactory;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.startlevel.BundleStartLevel;

class ContainerTest {
    private static final int HANDLERS = 10;
    private static final Duration BOUND = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private Home home;
    private Container container;
    private final LinkedBlockingQueue<String> events = new LinkedBlockingQueue<>();

    @BeforeEach
    void makeContainer() throws Exception {
        home = new Home(directory);
        home.properties("""
                nbd.features = core
                felix.fileinstall.start.level = 10
                felix.log.level = 0
                org.osgi.framework.startlevel.beginning = 20
                org.osgi.framework.storage = ${nbd.data}/cache
                """);
        Home.jar(home.layout.system().resolve("base-1.jar"), "base", "1");
        Home.jar(home.layout.system().resolve("handler-1.jar"), "handler", "1");
        Home.jar(home.layout.system().resolve("other-1.jar"), "other", "1");
        Home.jar(
                home.layout.system().resolve("fragment-1.jar"),
                Map.of("Bundle-SymbolicName", "fragment", "Fragment-Host", "base"),
                "empty",
                "");
        container = Container.create(Settings.load(home.layout, Map.of()));
    }

    @AfterEach
    void stop() {
        assertTrue(container.stop(BOUND));
    }

    private Feature feature(String... bundles) {
        return new Feature(
                "f",
                List.of(bundles).stream()
                        .map(name -> new Feature.Entry(
                                Feature.Artifact.parse("g:" + name + ":1"), name.equals("base") ? 2 : HANDLERS))
                        .toList(),
                Map.of());
    }

    private List<Bundle> bundles(int startLevel) {
        return container.bundles().stream()
                .filter(bundle -> bundle.adapt(BundleStartLevel.class).getStartLevel() == startLevel)
                .toList();
    }

    private DeployPrecedence precedence() {
        return DeployPrecedence.establish(home.layout.deploy(), container.context());
    }

    @Test
    void startsEachBundleOnceAtItsLevel() throws Exception {
        container.install(List.of(feature("base", "fragment"), feature("base", "handler")), home.layout);
        container.start(precedence());
        assertEquals(
                List.of("base 2", "handler 10"),
                container.bundles().stream()
                        .map(bundle -> bundle.getSymbolicName() + " "
                                + bundle.adapt(BundleStartLevel.class).getStartLevel())
                        .toList());
        container.bundles().forEach(bundle -> assertEquals(Bundle.ACTIVE, bundle.getState()));
    }

    @Test
    void startsWhatIsAboveTheFirstLevelWhenToldTo() throws Exception {
        Home.jar(home.layout.system().resolve("shell-1.jar"), "shell", "1");
        Feature shell =
                new Feature("shell", List.of(new Feature.Entry(Feature.Artifact.parse("g:shell:1"), 21)), Map.of());
        container.install(List.of(feature("base"), shell), home.layout);
        container.start(precedence());
        Bundle bundle = bundles(21).get(0);
        assertNotEquals(Bundle.ACTIVE, bundle.getState());
        container.context().addBundleListener(event -> {
            if (event.getType() == BundleEvent.STARTED) {
                events.add(event.getBundle().getSymbolicName());
            }
        });
        container.raise(21);
        assertEquals("shell", nextEvent());
    }

    @Test
    void namesABundleThatDoesNotStart() throws Exception {
        Home.jar(
                home.layout.system().resolve("broken-1.jar"),
                Map.of("Bundle-SymbolicName", "broken", "Import-Package", "no.such.package"),
                "empty",
                "");
        container.install(List.of(feature("base", "broken")), home.layout);
        String message = assertThrows(StartException.class, () -> container.start(precedence()))
                .getMessage();
        assertTrue(message.startsWith("bundle broken does not start: "), message);
        assertTrue(message.contains("no.such.package"), message);
    }

    @Test
    void aBundleThatHoldsUpTheStopIsNamed() throws Exception {
        Home.jar(
                home.layout.system().resolve("clinging-1.jar"),
                Map.of(
                        "Bundle-SymbolicName",
                        "clinging",
                        "Bundle-Activator",
                        Clinging.class.getName(),
                        "Import-Package",
                        "org.osgi.framework"),
                Clinging.class);
        container.install(List.of(feature("base", "clinging", "handler")), home.layout);
        container.start(precedence());
        assertEquals(List.of(), container.obstacles());
        assertFalse(container.stop(Duration.ofMillis(100)));
        assertTrue(Clinging.latch(Clinging.HELD).await(BOUND.toSeconds(), TimeUnit.SECONDS));
        assertEquals(List.of("clinging 0.0.0"), container.obstacles());
        Clinging.latch(Clinging.RELEASE).countDown();
    }

    @Test
    void sharesInterfacesWithTheBundles() throws Exception {
        Home.jar(
                home.layout.system().resolve("user-1.jar"),
                Map.of(
                        "Bundle-SymbolicName",
                        "user",
                        "Import-Package",
                        "org.osgi.service.cm;version=\"[1.6,2)\",org.osgi.service.component.runtime.dto;version=\"[1.5,2)\","
                                + "org.osgi.util.promise;version=\"[1.3,2)\",org.osgi.util.function;version=\"[1.2,2)\""),
                "empty",
                "");
        container.install(List.of(feature("user")), home.layout);
        container.start(precedence());
        Bundle user = container.bundles().get(0);
        for (String name : List.of("cm.ConfigurationAdmin", "component.runtime.dto.ComponentConfigurationDTO")) {
            Class<?> ours = Class.forName("org.osgi.service." + name);
            assertEquals(ours, user.loadClass(ours.getName()));
        }
    }

    @Test
    void aDeployedHandlerGoesBeforeTheShippedOneOfItsName() throws Exception {
        container.install(List.of(feature("base", "handler", "other")), home.layout);
        DeployPrecedence precedence = precedence();
        container.start(precedence);
        Bundle shipped = bundles(HANDLERS).get(0);
        Bundle other = bundles(HANDLERS).get(1);
        handler(shipped, "tape", new Object());
        handler(other, "disk", new Object());
        container.context().addBundleListener(event -> {
            if (event.getBundle().equals(shipped) && event.getType() == BundleEvent.STARTED) {
                events.add("started");
            }
        });

        Bundle deployed = deploy(Home.jar(home.layout.deploy().resolve("newer.jar"), "any", "2"));
        deployed.start();
        handler(deployed, "tape", new Object());
        assertEquals(Bundle.RESOLVED, shipped.getState());
        assertTrue(precedence.isAside(shipped));
        assertEquals(Bundle.ACTIVE, other.getState());

        // An update is not yet a removal.
        deployed.stop();
        deployed.update();
        deployed.start();
        handler(deployed, "tape", new Object());
        assertEquals(Bundle.RESOLVED, shipped.getState());
        deployed.uninstall();
        assertEquals("started", nextEvent());
        assertFalse(precedence.isAside(shipped));
    }

    @Test
    void aDeployedHandlerGoesBeforeOneThatWasAddedLater() throws Exception {
        container.install(List.of(feature("base")), home.layout);
        DeployPrecedence precedence = precedence();
        container.start(precedence);
        Bundle added = container
                .context()
                .installBundle(
                        home.layout.system().resolve("handler-1.jar").toUri().toString());
        added.start();
        handler(added, "tape", new Object());

        Bundle deployed = deploy(Home.jar(home.layout.deploy().resolve("newer.jar"), "any", "2"));
        deployed.start();
        handler(deployed, "tape", new Object());
        assertEquals(Bundle.RESOLVED, added.getState());
        assertTrue(precedence.isAside(added));
    }

    @Test
    void aHandlerThatIsNotUsableOrNotDeployedChangesNothing() throws Exception {
        container.install(List.of(feature("base", "handler")), home.layout);
        DeployPrecedence precedence = precedence();
        container.start(precedence);
        Bundle shipped = bundles(HANDLERS).get(0);
        handler(shipped, "tape", new Object());

        Bundle deployed = deploy(Home.jar(home.layout.deploy().resolve("newer.jar"), "any", "2"));
        deployed.start();
        handler(deployed, "tape", new ServiceFactory<>() {
            @Override
            public Object getService(Bundle bundle, ServiceRegistration<Object> registration) {
                return null;
            }

            @Override
            public void ungetService(Bundle bundle, ServiceRegistration<Object> registration, Object service) {}
        });
        handler(container.bundles().get(0), "tape", new Object());
        assertEquals(Bundle.ACTIVE, shipped.getState());
        assertFalse(precedence.isAside(shipped));
    }

    private static void handler(Bundle bundle, String name, Object service) {
        bundle.getBundleContext()
                .registerService(
                        Object.class.getName(), service, FrameworkUtil.asDictionary(Map.of("nbd.handler.name", name)));
    }

    /** As File Install does it. */
    private Bundle deploy(Path jar) throws Exception {
        return container.context().installBundle(jar.toFile().toURI().toURL().toString());
    }

    private String nextEvent() throws InterruptedException {
        return events.poll(BOUND.toSeconds(), TimeUnit.SECONDS);
    }
}
