package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.osgi.framework.Bundle;

/** The directory that File Install watches. */
final class Deploy {
    /** Not one that File Install looks at. */
    private static final String PART = ".part";

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
        return location.startsWith(base) ? directory.resolve(location.substring(base.length())) : null;
    }

    /** The location that File Install gives to the bundle of a file. */
    static String location(Path file) {
        return file.toFile().toURI().toString();
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
