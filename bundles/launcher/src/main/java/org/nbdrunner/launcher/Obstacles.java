package org.nbdrunner.launcher;

import java.util.List;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;

/**
 * What holds up the stop of bundles. It need not be the bundle that is stopping: who lets go of a service may call into the bundle that
 * has it. So the threads tell.
 */
final class Obstacles {
    private static final String FRAMEWORK = "org.apache.felix.framework.Felix";
    private static final String STOP = "stopBundle";

    private Obstacles() {}

    /**
     * The bundles whose code is being run to stop some bundle.
     *
     * @param bundles all there are
     * @return symbolic names and versions; several for one class if several bundles have it
     */
    static List<String> find(Bundle[] bundles) {
        return Thread.getAllStackTraces().values().stream()
                .filter(stack -> Stream.of(stack)
                        .anyMatch(frame -> frame.getClassName().equals(FRAMEWORK)
                                && frame.getMethodName().equals(STOP)))
                .flatMap(stack -> innermost(stack, bundles).stream())
                .map(bundle -> bundle.getSymbolicName() + " " + bundle.getVersion())
                .distinct()
                .sorted()
                .toList();
    }

    private static List<Bundle> innermost(StackTraceElement[] stack, Bundle[] bundles) {
        return Stream.of(stack)
                .map(frame -> having(frame.getClassName().replace('.', '/') + ".class", bundles))
                .filter(found -> !found.isEmpty())
                .findFirst()
                .orElse(List.of());
    }

    private static List<Bundle> having(String entry, Bundle[] bundles) {
        return Stream.of(bundles)
                .filter(bundle ->
                        bundle.getBundleId() != Constants.SYSTEM_BUNDLE_ID && bundle.getState() != Bundle.UNINSTALLED)
                .filter(bundle -> bundle.getEntry(entry) != null)
                .toList();
    }
}
