package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.io.InputStream;
import java.util.jar.Manifest;

/** The version of this bundle. */
final class Version {
    private Version() {}

    static String text() {
        String resource = Version.class.getResource("Version.class").toString();
        String root = resource.substring(0, resource.lastIndexOf("/org/nbdrunner/"));
        try (InputStream in =
                java.net.URI.create(root + "/META-INF/MANIFEST.MF").toURL().openStream()) {
            String version = new Manifest(in).getMainAttributes().getValue("Bundle-Version");
            return version == null ? "unknown" : version;
        } catch (IOException | IllegalArgumentException e) {
            return "unknown";
        }
    }
}
