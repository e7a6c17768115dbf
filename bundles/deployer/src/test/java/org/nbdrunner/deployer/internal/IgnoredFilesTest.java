package org.nbdrunner.deployer.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IgnoredFilesTest {
    @TempDir
    private Path directory;

    private IgnoredFiles ignored;

    @BeforeEach
    void prepare() {
        ignored = new IgnoredFiles(directory);
    }

    private List<String> lookTwice() throws IOException {
        assertEquals(List.of(), ignored.look(), "it may still be changing");
        return ignored.look();
    }

    @ParameterizedTest
    @ValueSource(strings = {"handler.txt", "handler.zip", "handler.JAR", "handler"})
    void aFileThatIsNoJarIsToldOfOnceWhileItIsThere(String name) throws IOException {
        Path file = Files.writeString(directory.resolve(name), "x");
        String told = file
                + " is ignored: its name does not end in .jar; rename it if it is a handler's bundle, or else take it away";
        assertEquals(List.of(told), lookTwice());
        Files.writeString(file, "grown");
        assertEquals(List.of(), ignored.look());
        Files.delete(file);
        assertEquals(List.of(), ignored.look());
        Files.writeString(file, "again");
        assertEquals(List.of(told), lookTwice());
    }

    @ParameterizedTest
    @ValueSource(strings = {".x", "x.jar.part", "x.tmp", "x.jar~", "x.jar.rejected", "x.cfg", "README.txt"})
    void namesThatAreThereForAReasonAreNotToldOf(String name) throws IOException {
        Files.writeString(directory.resolve(name), "x");
        assertEquals(List.of(), lookTwice());
    }

    @Test
    void aJarThatIsNoBundleIsToldOfWheneverItHasChanged() throws IOException {
        Path file = Files.writeString(directory.resolve("x.jar"), "x");
        List<String> told = lookTwice();
        assertEquals(1, told.size());
        assertTrue(told.get(0).startsWith(file + " is ignored: the file is no jar: "), told::toString);
        assertEquals(List.of(), ignored.look());
        new TestJar().without("Bundle-SymbolicName").write(file);
        assertEquals(
                List.of(file + " is ignored: the file is no OSGi bundle: its manifest has no Bundle-SymbolicName;"
                        + " put a handler's bundle in its place, or take it away"),
                lookTwice());
        new TestJar().without("Import-Package").write(file);
        assertEquals(List.of(), lookTwice());
    }

    @Test
    void directoriesAreNoFiles() throws IOException {
        Files.createDirectory(directory.resolve("exploded"));
        assertEquals(List.of(), lookTwice());
    }
}
