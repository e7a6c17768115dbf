package org.nbdrunner.deployer.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;

class DeployTest {
    @TempDir
    private Path directory;

    private Path folder;
    private Deploy deploy;

    @BeforeEach
    void prepare() throws IOException {
        folder = Files.createDirectory(directory.resolve("de ploy"));
        deploy = new Deploy(folder);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private static Bundle at(String location) {
        return (Bundle) Proxy.newProxyInstance(
                DeployTest.class.getClassLoader(), new Class<?>[] {Bundle.class}, (proxy, method, args) -> location);
    }

    @Test
    void aFileReplacesTheOneBeforeAndLeavesNothingElse() throws IOException {
        Path target = deploy.file("test.handler");
        assertEquals(folder.resolve("test.handler.jar"), target);
        for (String content : List.of("first", "second")) {
            deploy.put(Files.writeString(directory.resolve("x.jar"), content), target);
            assertEquals(content, Files.readString(target));
            assertEquals(List.of("test.handler.jar"), names());
        }
    }

    @Test
    void whatCannotBeCopiedChangesNothing() throws IOException {
        Path target = deploy.file("test.handler");
        Files.writeString(target, "first");
        assertThrows(NoSuchFileException.class, () -> deploy.put(directory.resolve("absent.jar"), target));
        assertEquals("first", Files.readString(target));
        assertEquals(List.of("test.handler.jar"), names());
    }

    @Test
    void whatIsRejectedGivesWayToWhatWorked() throws IOException {
        Path target = Files.writeString(deploy.file("test.handler"), "bad");
        Path worked = Files.writeString(directory.resolve("worked.jar"), "good");
        Path rejected = deploy.reject(target, Deploy.fingerprint(target), worked);
        assertEquals(folder.resolve("test.handler.jar.rejected"), rejected);
        assertEquals("bad", Files.readString(rejected));
        assertEquals("good", Files.readString(target));

        Files.writeString(target, "worse");
        assertEquals(rejected, deploy.reject(target, Deploy.fingerprint(target), null));
        assertEquals("worse", Files.readString(rejected));
        assertEquals(List.of("test.handler.jar.rejected"), names());
    }

    @Test
    void whatHasChangedIsNotRejected() throws IOException {
        Path target = Files.writeString(deploy.file("test.handler"), "bad");
        String bad = Deploy.fingerprint(target);
        Files.writeString(target, "repaired");
        assertEquals(null, deploy.reject(target, bad, null));
        assertEquals(null, deploy.reject(folder.resolve("absent.jar"), "", null));
        assertEquals(List.of("test.handler.jar"), names());
    }

    @Test
    void aBundleIsFoundByWhereItCameFrom() {
        Path target = folder.resolve("my handler.jar");
        assertEquals(target, deploy.fileOf(at(Deploy.location(target))));
        assertEquals(null, deploy.fileOf(at(Deploy.location(directory.resolve("system/x.jar")))));
        assertEquals(null, deploy.fileOf(at("nbd-runner-rollback:x")));
    }
}
