package org.nbdrunner.deployer.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.osgi.framework.Version;

class BundleFileTest {
    private static final Version API = new Version("1.0.0");

    @TempDir
    private Path directory;

    private Path jar() {
        return directory.resolve("x.jar");
    }

    private void assertRefused(Errno errno, String message, Path jar) {
        ControlException e = assertThrows(ControlException.class, () -> BundleFile.read(jar, API));
        assertEquals(errno, e.errno());
        assertTrue(e.getMessage().contains(message), e::getMessage);
        assertEquals(errno == Errno.ENOENT, e.getMessage().contains(jar.toString()), e::getMessage);
    }

    @Test
    void aHandlerIsRead() throws Exception {
        BundleFile file = BundleFile.read(
                new TestJar()
                        .header("Bundle-SymbolicName", "test.handler; singleton:=true")
                        .write(jar()),
                API);
        assertEquals("test.handler", file.symbolicName());
        assertEquals(new Version(1, 2, 3), file.version());
    }

    @Test
    void whatIsNoJarIsRefused() throws IOException {
        assertRefused(Errno.ENOENT, "there is no file", jar());
        assertRefused(Errno.ENOENT, "there is no file", directory);
        assertRefused(Errno.EINVAL, "is no jar: ", Files.writeString(jar(), "no jar"));
        assertRefused(Errno.EINVAL, "is no jar: ", Files.writeString(jar(), ""));
    }

    @Test
    void whatIsNoBundleIsRefused() throws IOException {
        assertRefused(
                Errno.EINVAL,
                "is no OSGi bundle",
                new TestJar().without("Bundle-SymbolicName").write(jar()));
        assertRefused(
                Errno.EINVAL,
                "is no OSGi bundle",
                new TestJar().header("Bundle-SymbolicName", "../../x").write(jar()));
        try (OutputStream out = Files.newOutputStream(jar());
                JarOutputStream entries = new JarOutputStream(out)) {
            entries.putNextEntry(new ZipEntry("A.class"));
        }
        assertRefused(Errno.EINVAL, "is no OSGi bundle", jar());
    }

    @Test
    void whatIsNoHandlerIsRefused() throws IOException {
        assertRefused(
                Errno.EINVAL,
                "is a fragment",
                new TestJar().header("Fragment-Host", "test.host").write(jar()));
        assertRefused(
                Errno.EINVAL,
                "it is no handler",
                new TestJar().without("Import-Package").write(jar()));
        assertRefused(
                Errno.EINVAL,
                "it wants version",
                new TestJar()
                        .header("Import-Package", "org.nbdrunner.api.handler;version=\"[2,3)\"")
                        .write(jar()));
        assertRefused(
                Errno.EINVAL,
                "invalid version \"one\"",
                new TestJar().header("Bundle-Version", "one").write(jar()));
    }
}
