package org.nbdrunner.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;

/** A distribution in a temporary directory, as small as a test wants it. */
final class Home {
    final Layout layout;

    Home(Path directory) throws IOException {
        layout = new Layout(directory, directory.resolve("data"));
        for (Path sub :
                new Path[] {layout.conf(), layout.features(), layout.system(), layout.deploy(), layout.data()}) {
            Files.createDirectories(sub);
        }
        properties("nbd.features=core");
    }

    Home properties(String text) throws IOException {
        Files.writeString(layout.properties(), text);
        return this;
    }

    Home configuration(String pid, String text) throws IOException {
        Files.writeString(layout.conf().resolve(pid + ".cfg"), text);
        return this;
    }

    Home feature(String name, String json) throws IOException {
        Files.writeString(layout.features().resolve(name + ".json"), json);
        return this;
    }

    /** A bundle with one file and no classes. */
    static Path jar(Path file, Map<String, String> headers, String entry, String content) throws IOException {
        return jar(file, headers, entry, content.getBytes(StandardCharsets.UTF_8));
    }

    /** A bundle with one class of the tests. */
    static Path jar(Path file, Map<String, String> headers, Class<?> type) throws IOException {
        String entry = type.getName().replace('.', '/') + ".class";
        try (InputStream in = type.getClassLoader().getResourceAsStream(entry)) {
            return jar(file, headers, entry, in.readAllBytes());
        }
    }

    private static Path jar(Path file, Map<String, String> headers, String entry, byte[] content) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Bundle-ManifestVersion", "2");
        headers.forEach(manifest.getMainAttributes()::putValue);
        try (OutputStream out = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(out, manifest)) {
            jar.putNextEntry(new ZipEntry(entry));
            jar.write(content);
        }
        return file;
    }

    /** A bundle with nothing in it. */
    static Path jar(Path file, String symbolicName, String version) throws IOException {
        return jar(file, Map.of("Bundle-SymbolicName", symbolicName, "Bundle-Version", version), "empty", "");
    }
}
