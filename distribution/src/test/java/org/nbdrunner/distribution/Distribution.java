package org.nbdrunner.distribution;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;

/** The distribution as it is packed. */
final class Distribution {
    static final Path HOME = Path.of("target/nbd-runner").toAbsolutePath();

    private Distribution() {}

    static Path in(String directory) {
        return HOME.resolve(directory);
    }

    /** The names of a directory's files, sorted. */
    static List<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** Everything below a directory, copied. */
    static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        }
    }

    /** The texts of the entries of a jar below a folder. */
    static List<String> entries(Path jar, String folder) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            List<ZipEntry> entries = file.stream()
                    .map(ZipEntry.class::cast)
                    .filter(entry -> entry.getName().startsWith(folder) && !entry.isDirectory())
                    .toList();
            List<String> texts = new ArrayList<>();
            for (ZipEntry entry : entries) {
                try (InputStream in = file.getInputStream(entry)) {
                    texts.add(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
            return texts;
        }
    }
}
