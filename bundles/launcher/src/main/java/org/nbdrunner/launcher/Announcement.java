package org.nbdrunner.launcher;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;

/** The line that tells what is served where, made from the configurations of the components that listen. */
final class Announcement {
    private static final String ENGINE = "org.nbdrunner.engine";
    private static final String CONTROL = "org.nbdrunner.rpc";

    private final Components components;
    private final BundleContext context;

    Announcement(Components components, BundleContext context) {
        this.components = components;
        this.context = context;
    }

    /**
     * The line.
     *
     * @param version of the program
     * @return without a line end
     */
    String line(String version) {
        return Stream.of(
                        addresses("NBD", ENGINE, "port"),
                        addresses("legacy NBD", ENGINE, "legacyPort"),
                        addresses("control", CONTROL, "port"),
                        List.of(handlers()))
                .flatMap(List::stream)
                .collect(Collectors.joining(", ", "nbd-runner " + version + " is serving: ", ""));
    }

    private List<String> addresses(String what, String pid, String portKey) {
        return components.properties(pid).stream()
                .filter(properties ->
                        !String.valueOf(properties.getOrDefault(portKey, 0)).equals("0"))
                .map(properties -> what + " on " + host(properties) + ":" + properties.get(portKey))
                .distinct()
                .toList();
    }

    private static String host(Map<String, Object> properties) {
        String host = String.valueOf(properties.getOrDefault("host", ""));
        return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    }

    private String handlers() {
        List<String> names = HandlerServices.names(context);
        return names.isEmpty() ? "no handlers" : "handlers " + String.join(" ", names);
    }
}
