package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.osgi.framework.Constants;
import org.osgi.framework.Version;

/**
 * A jar file that may become a bundle.
 *
 * @param symbolicName its symbolic name
 * @param version its version
 * @param headers its manifest
 */
record BundleFile(String symbolicName, Version version, Map<String, String> headers) {
    BundleFile {
        headers = Map.copyOf(headers);
    }

    /**
     * Reads the manifest. What it says of an existing file does not name it: that may be a copy that came over control.
     *
     * @param jar the file
     * @param api the version of the handlers' API that is here
     * @throws ControlException {@link Errno#ENOENT} or {@link Errno#EINVAL} with what is wrong with it
     */
    static BundleFile read(Path jar, Version api) throws ControlException {
        if (!Files.isRegularFile(jar)) {
            throw new ControlException(Errno.ENOENT, "there is no file " + jar);
        }
        Map<String, String> headers = headers(jar);
        String name =
                headers.get(Constants.BUNDLE_SYMBOLICNAME).split(";", 2)[0].strip();
        if (headers.containsKey(Constants.FRAGMENT_HOST)) {
            throw new ControlException(Errno.EINVAL, "the bundle is a fragment, and so no handler by itself");
        }
        try {
            Version version = Version.parseVersion(headers.get(Constants.BUNDLE_VERSION));
            ApiVersions.check(headers, api);
            return new BundleFile(name, version, headers);
        } catch (IllegalArgumentException e) {
            throw new ControlException(Errno.EINVAL, e.getMessage(), e);
        }
    }

    /**
     * The manifest of any bundle.
     *
     * @throws ControlException {@link Errno#EINVAL} if the file is none
     */
    static Map<String, String> headers(Path jar) throws ControlException {
        Map<String, String> headers = new HashMap<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            Manifest manifest = file.getManifest();
            if (manifest != null) {
                for (Map.Entry<Object, Object> e : manifest.getMainAttributes().entrySet()) {
                    headers.put(((Attributes.Name) e.getKey()).toString(), (String) e.getValue());
                }
            }
        } catch (IOException e) {
            throw new ControlException(Errno.EINVAL, "the file is no jar: " + e.getMessage(), e);
        }
        String name = headers.getOrDefault(Constants.BUNDLE_SYMBOLICNAME, "");
        name = name.split(";", 2)[0].strip();
        if (!name.matches("[A-Za-z0-9_.-]+")) {
            throw new ControlException(
                    Errno.EINVAL, "the file is no OSGi bundle: its manifest has no " + Constants.BUNDLE_SYMBOLICNAME);
        }
        return headers;
    }
}
