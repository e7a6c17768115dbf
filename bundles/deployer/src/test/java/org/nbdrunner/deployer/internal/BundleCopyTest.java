package org.nbdrunner.deployer.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.launch.Framework;

/** Bundles in a real framework are copied and put back. */
class BundleCopyTest {
    @TempDir
    private Path directory;

    private Framework framework;

    @BeforeEach
    void start() throws Exception {
        framework = new FrameworkFactory()
                .newFramework(Map.of(
                        "org.osgi.framework.storage", directory.resolve("cache").toString(), "felix.log.level", "0"));
        framework.start();
    }

    @AfterEach
    void stop() throws Exception {
        framework.stop();
        framework.waitForStop(TimeUnit.SECONDS.toMillis(60));
    }

    private Bundle install(Path jar) throws Exception {
        try (InputStream in = Files.newInputStream(jar)) {
            return framework.getBundleContext().installBundle("test:bundle", in);
        }
    }

    private static TestJar bundle(String content) {
        return new TestJar()
                .without("Import-Package")
                .header("X-Long", "many words ".repeat(30).strip())
                .entry("test/A.class", content)
                .entry("test/deep/er/b.txt", "")
                .entry("META-INF/services/x", "y")
                .entry("OSGI-INF/component.xml", "ä".repeat(10_000))
                .entry("top", "level");
    }

    /** The entries that are files, by name. */
    private static Map<String, String> entries(Path jar) throws IOException {
        Map<String, String> entries = new TreeMap<>();
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(jar))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                if (!entry.isDirectory()) {
                    entries.put(entry.getName(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
        }
        return entries;
    }

    @Test
    void aCopyHasWhatTheBundleHas() throws Exception {
        Path jar = bundle("first").entry("folder/", "").write(directory.resolve("original.jar"));
        Bundle bundle = install(jar);
        Files.writeString(directory.resolve("copy.jar"), "something that was there before");
        BundleCopy.write(bundle, directory.resolve("copy.jar"));
        assertEquals(entries(jar), entries(directory.resolve("copy.jar")));
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(directory.resolve("copy.jar")))) {
            assertEquals(JarFile.MANIFEST_NAME, in.getNextEntry().getName());
        }
    }

    @Test
    void aCopyIsOfTheRevisionThatIsThereAndTakesItsPlace() throws Exception {
        Bundle bundle = install(bundle("first").write(directory.resolve("1.jar")));
        Revision first = Revision.keep(bundle, directory.resolve("copies"));
        try (InputStream in = Files.newInputStream(
                bundle("second").header("Bundle-Version", "2").write(directory.resolve("2.jar")))) {
            bundle.update(in);
        }
        Revision second = Revision.keep(bundle, directory.resolve("copies"));
        assertEquals("first", entries(first.copy()).get("test/A.class"));
        assertEquals("second", entries(second.copy()).get("test/A.class"));
        assertTrue(second.isOf(bundle) && !first.isOf(bundle) && !first.isSameAs(second));

        try (InputStream in = Files.newInputStream(first.copy())) {
            bundle.update(in);
        }
        assertEquals("1.2.3", bundle.getVersion().toString());
        try (InputStream in = bundle.getEntry("test/A.class").openStream()) {
            assertArrayEquals("first".getBytes(StandardCharsets.UTF_8), in.readAllBytes());
        }
        assertTrue(Revision.keep(bundle, directory.resolve("copies")).isSameAs(first));
    }

    @Test
    void whatIsGoneCannotBeCopied() throws Exception {
        Bundle bundle = install(bundle("first").write(directory.resolve("1.jar")));
        bundle.uninstall();
        assertThrows(IOException.class, () -> BundleCopy.write(bundle, directory.resolve("copy.jar")));
    }
}
