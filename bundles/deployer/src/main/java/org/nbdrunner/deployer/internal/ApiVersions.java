package org.nbdrunner.deployer.internal;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Handler;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.osgi.framework.Version;
import org.osgi.framework.VersionRange;
import org.osgi.framework.namespace.PackageNamespace;
import org.osgi.framework.wiring.BundleWiring;

/** Whether a bundle was built for the handlers' API that is here. */
final class ApiVersions {
    private static final String PACKAGE = Handler.class.getPackageName();

    /** The package's clause in an import header, and the version in it: a range in quotes, or a single version. */
    private static final Pattern IMPORT = Pattern.compile(
            "(?:^|,)\\s*" + Pattern.quote(PACKAGE) + "\\s*((?:;[^,\"]*(?:\"[^\"]*\"[^,\"]*)*)?)(?:,|$)");

    private static final Pattern WANTED = Pattern.compile(";\\s*version\\s*=\\s*(?:\"([^\"]*)\"|([^;,\\s]+))");

    private ApiVersions() {}

    /**
     * What is offered here.
     *
     * @param bundle one that is wired to the API
     */
    static Version offeredTo(Bundle bundle) {
        return bundle.adapt(BundleWiring.class).getRequiredWires(PackageNamespace.PACKAGE_NAMESPACE).stream()
                .map(wire -> wire.getCapability().getAttributes())
                .filter(attributes -> PACKAGE.equals(attributes.get(PackageNamespace.PACKAGE_NAMESPACE)))
                .map(attributes -> (Version) attributes.get(PackageNamespace.CAPABILITY_VERSION_ATTRIBUTE))
                .findFirst()
                .orElse(Version.emptyVersion);
    }

    /**
     * Looks at what a bundle imports.
     *
     * @param headers its manifest
     * @param offered the version that is here
     * @throws IllegalArgumentException if it wants a version that is not offered; names both
     */
    static void check(Map<String, String> headers, Version offered) {
        Matcher clause = IMPORT.matcher(headers.getOrDefault(Constants.IMPORT_PACKAGE, ""));
        if (!clause.find()) {
            throw new IllegalArgumentException("it is no handler: it does not import " + PACKAGE);
        }
        Matcher version = WANTED.matcher(clause.group(1));
        if (!version.find()) {
            return;
        }
        VersionRange wanted = new VersionRange(version.group(1) != null ? version.group(1) : version.group(2));
        if (!wanted.includes(offered)) {
            throw new IllegalArgumentException("it wants version " + wanted + " of " + PACKAGE
                    + ", this nbd-runner offers " + offered
                    + (wanted.getLeft().compareTo(offered) > 0
                            ? ": upgrade nbd-runner first, or take an older handler"
                            : ": take a newer handler"));
        }
    }
}
