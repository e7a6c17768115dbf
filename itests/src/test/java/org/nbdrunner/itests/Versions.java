package org.nbdrunner.itests;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.osgi.framework.Constants;

/** A shipped bundle under other version numbers. */
final class Versions {
    private Versions() {}

    /** The shipped bundle of a symbolic name. */
    static Path shipped(String symbolicName) throws IOException {
        Path system = Path.of(System.getProperty("distribution")).resolve("system");
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(system, symbolicName + "-*.jar")) {
            return jars.iterator().next();
        }
    }

    /** Makes a copy of a bundle with another version. */
    static Path make(Path jar, String version, Path to) throws IOException {
        try (JarFile from = new JarFile(jar.toFile())) {
            Manifest manifest = from.getManifest();
            manifest.getMainAttributes().putValue(Constants.BUNDLE_VERSION, version);
            try (OutputStream file = Files.newOutputStream(to);
                    JarOutputStream out = new JarOutputStream(file, manifest)) {
                for (Enumeration<JarEntry> entries = from.entries(); entries.hasMoreElements(); ) {
                    JarEntry entry = entries.nextElement();
                    if (entry.isDirectory() || entry.getName().equals(JarFile.MANIFEST_NAME)) {
                        continue;
                    }
                    out.putNextEntry(new JarEntry(entry.getName()));
                    try (InputStream in = from.getInputStream(entry)) {
                        in.transferTo(out);
                    }
                    out.closeEntry();
                }
            }
        }
        return to;
    }
}
