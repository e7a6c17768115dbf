package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.osgi.framework.Bundle;

/** Makes a jar file of an installed bundle: where it was installed from there may be something else by now. */
final class BundleCopy {
    private BundleCopy() {}

    /**
     * Copies a bundle.
     *
     * @param bundle installed
     * @param to a file, replaced if it exists
     * @throws IOException if it cannot be read or written
     */
    static void write(Bundle bundle, Path to) throws IOException {
        try (OutputStream file = Files.newOutputStream(to);
                ZipOutputStream jar = new ZipOutputStream(file)) {
            // The manifest must be the first entry.
            copy(bundle, JarFile.MANIFEST_NAME, jar);
            directory(bundle, "/", jar);
        } catch (RuntimeException e) {
            // The framework has no exception for a revision that is replaced while it is read.
            throw new IOException("bundle " + bundle.getSymbolicName() + " is being changed", e);
        }
    }

    private static void directory(Bundle bundle, String path, ZipOutputStream jar) throws IOException {
        Enumeration<String> entries = bundle.getEntryPaths(path);
        while (entries != null && entries.hasMoreElements()) {
            String entry = entries.nextElement();
            if (entry.endsWith("/")) {
                directory(bundle, entry, jar);
            } else if (!entry.equals(JarFile.MANIFEST_NAME)) {
                copy(bundle, entry, jar);
            }
        }
    }

    private static void copy(Bundle bundle, String entry, ZipOutputStream jar) throws IOException {
        URL url = bundle.getEntry(entry);
        if (url == null) {
            throw new IOException("bundle " + bundle.getSymbolicName() + " has lost its " + entry);
        }
        ZipEntry zip = new ZipEntry(entry);
        zip.setTime(0); // the same content makes the same file
        jar.putNextEntry(zip);
        try (InputStream in = url.openStream()) {
            in.transferTo(jar);
        }
        jar.closeEntry();
    }
}
