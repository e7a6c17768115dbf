package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.osgi.framework.Bundle;

/** The directory that File Install watches. */
final class Deploy {
    /** Not one that File Install looks at. */
    private static final String PART = ".part";

    /** Nor is this: of files that were tried and did not work. */
    static final String REJECTED = ".rejected";

    private final Path directory;

    Deploy(Path directory) {
        this.directory = directory;
    }

    /** The file of a bundle, whether it exists or not. */
    Path file(String symbolicName) {
        return directory.resolve(symbolicName + ".jar");
    }

    /** The file that a bundle was installed from; null if that is not in this directory. */
    Path fileOf(Bundle bundle) {
        String location = bundle.getLocation();
        String base = directory.toFile().toURI().toString();
        return location.startsWith(base) ? Path.of(URI.create(location)) : null;
    }

    /** The location that File Install gives to the bundle of a file. */
    static String location(Path file) {
        return file.toFile().toURI().toString();
    }

    /** Tells one content of a file from another that it has later; empty if there is no file. */
    static String fingerprint(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return attributes.fileKey() + " " + attributes.size() + " " + attributes.lastModifiedTime();
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * Sets a file aside that does not work, so that nobody tries it again, after a restart least of all.
     *
     * @param file which
     * @param fingerprint of what does not work: if the file has changed since, it stays
     * @param instead what takes its place; null for nothing
     * @return where it is now; null if it stays
     */
    Path reject(Path file, String fingerprint, Path instead) throws IOException {
        if (fingerprint.isEmpty() || !fingerprint.equals(fingerprint(file))) {
            return null;
        }
        Path rejected = file.resolveSibling(file.getFileName() + REJECTED);
        if (instead == null) {
            return Files.move(file, rejected, StandardCopyOption.REPLACE_EXISTING);
        }
        // A copy: if the file were missing for a moment, its bundle would be uninstalled.
        Files.copy(file, rejected, StandardCopyOption.REPLACE_EXISTING);
        if (fingerprint.equals(fingerprint(file))) {
            put(instead, file);
        }
        return rejected;
    }

    /** Puts a file there, whole. */
    void put(Path jar, Path file) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + PART);
        try {
            Files.copy(jar, part, StandardCopyOption.REPLACE_EXISTING);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
