package org.nbdrunner.launcher;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.BundleException;
import org.osgi.framework.BundleListener;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceEvent;
import org.osgi.framework.ServiceListener;
import org.osgi.framework.ServiceReference;

/**
 * A handler in {@code deploy/} goes before the shipped one of the same name, whether that was started with the rest or added later: once
 * it can be used, the bundle of the shipped one is stopped, and when it is removed, that is started again. If it cannot be used, the
 * shipped one stays.
 */
final class DeployPrecedence implements ServiceListener, BundleListener {
    private final String deployed;
    private final BundleContext context;

    /** Shipped bundles that are set aside, and for which. */
    private final Map<Bundle, Bundle> aside = new ConcurrentHashMap<>();

    private DeployPrecedence(Path deploy, BundleContext context) {
        // The form that File Install gives to locations: file:/…, and not file:///… as paths have it.
        this.deployed = deploy.toFile().toURI().toString();
        this.context = context;
    }

    /**
     * Sees to it from now on.
     *
     * @param deploy the directory that File Install watches
     * @param context of the framework, before it starts
     * @return what is set aside
     */
    static DeployPrecedence establish(Path deploy, BundleContext context) {
        DeployPrecedence precedence = new DeployPrecedence(deploy, context);
        try {
            context.addServiceListener(precedence, HandlerServices.FILTER);
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
        context.addBundleListener(precedence);
        return precedence;
    }

    /**
     * Whether a bundle is set aside.
     *
     * @param bundle one that is not in that directory
     * @return whether it is stopped in favour of a deployed one
     */
    boolean isAside(Bundle bundle) {
        return aside.containsKey(bundle);
    }

    @Override
    public void serviceChanged(ServiceEvent event) {
        ServiceReference<?> service = event.getServiceReference();
        Bundle bundle = service.getBundle();
        if (event.getType() != ServiceEvent.REGISTERED || !isDeployed(bundle) || !isUsable(service)) {
            return;
        }
        String name = HandlerServices.name(service);
        for (Bundle other : context.getBundles()) {
            if (!isDeployed(other) && HandlerServices.has(other, name)) {
                aside.put(other, bundle);
                change(other, () -> other.stop(Bundle.STOP_TRANSIENT));
            }
        }
    }

    @Override
    public void bundleChanged(BundleEvent event) {
        if (event.getType() != BundleEvent.UNINSTALLED || !isDeployed(event.getBundle())) {
            return;
        }
        for (Bundle other : List.copyOf(aside.keySet())) {
            if (aside.remove(other, event.getBundle())) {
                change(other, () -> other.start(Bundle.START_TRANSIENT | Bundle.START_ACTIVATION_POLICY));
            }
        }
    }

    private boolean isDeployed(Bundle bundle) {
        return bundle.getLocation().startsWith(deployed);
    }

    /**
     * A component is registered before it is activated; whether that works, this tells. The service is given back when it is
     * unregistered: if nobody had it before that, the component would be deactivated, and activated once more for its first user.
     */
    private boolean isUsable(ServiceReference<?> service) {
        return context.getService(service) != null;
    }

    private static void change(Bundle bundle, Change change) {
        try {
            if (bundle.getState() != Bundle.UNINSTALLED) {
                change.run();
            }
        } catch (BundleException e) {
            Notice.warn("bundle " + bundle.getSymbolicName() + " " + bundle.getVersion() + ": " + Failures.line(e), e);
        }
    }

    private interface Change {
        void run() throws BundleException;
    }
}
