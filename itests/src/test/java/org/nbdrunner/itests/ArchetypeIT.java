package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** A handler is begun, built, installed and upgraded as {@code docs/writing-a-handler.md} says. */
public class ArchetypeIT {
    private static final String VERSION = System.getProperty("project.version");

    private Path work;
    private LocalRepository repository;

    @Before
    public void prepare() throws IOException {
        work = Files.createTempDirectory("archetype-it");
        repository = new LocalRepository(
                        work.resolve("repository"),
                        Path.of(System.getProperty("maven.local")),
                        Runner.ITESTS.resolve(".."),
                        VERSION)
                .pom("", "nbd-runner")
                .pom("bundles", "org.nbdrunner.bundles")
                .jar("bundles/api", "org.nbdrunner.api")
                .jar("bundles/kit", "org.nbdrunner.kit")
                .jar("archetype", "org.nbdrunner.handler.archetype");
    }

    @After
    public void clean() throws IOException {
        Runner.delete(work);
    }

    private Tool.Result maven(Path directory, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("maven.home"), "bin/mvn").toString());
        command.addAll(List.of("-B", "-ntp", "-Dstyle.color=never", "-Dmaven.repo.local=" + repository));
        if (System.getProperty("maven.mode").equals("offline-true")) {
            command.add("-o");
        }
        command.addAll(List.of(words));
        return Tool.run(directory, Map.of("JAVA_HOME", System.getProperty("java.home")), command)
                .ok();
    }

    @Test
    public void aHandlerFromTheArchetypeServesAndIsUpgraded() throws Exception {
        maven(
                work,
                "org.apache.maven.plugins:maven-archetype-plugin:" + System.getProperty("archetype.version")
                        + ":generate",
                "-DarchetypeCatalog=local",
                "-DarchetypeGroupId=org.nbdrunner",
                "-DarchetypeArtifactId=org.nbdrunner.handler.archetype",
                "-DarchetypeVersion=" + VERSION,
                "-DgroupId=com.example",
                "-DartifactId=my-handler",
                "-DhandlerName=mine");
        Path project = work.resolve("my-handler");
        String built = maven(project, "verify").out();
        assertTrue(built, built.contains("Running com.example.DiskHandlerTest"));
        assertTrue(built, !built.contains("WARNING"));

        try (Runner runner = new Runner()) {
            runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            runner.start();
            assertEquals(
                    "mine 1.0.0\n",
                    runner.cli("handler", "install", jar(project, "1.0.0")).ok().out());
            runner.cli("mine", "create", "disk0", "size", "64M").ok();
            String uri = runner.uri("mine/disk0");
            Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 1M 1M", "-c", "flush", uri)
                    .ok();

            Path pom = project.resolve("pom.xml");
            Files.writeString(
                    pom, Files.readString(pom).replace("<version>1.0.0</version>", "<version>1.1.0</version>"));
            maven(project, "verify");
            assertEquals(
                    "mine 1.1.0\n",
                    runner.cli("handler", "upgrade", jar(project, "1.1.0")).ok().out());
            assertWritten(uri);
            runner.stop();

            runner.start();
            Runner.await("the handler after a restart", 60, () -> {
                try {
                    return runner.cli("handler", "list").ok().out().contains("1.1.0");
                } catch (IOException | InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            assertWritten(uri);
            runner.stop();
        }
    }

    private static void assertWritten(String uri) throws IOException, InterruptedException {
        Tool.Result read = Tool.run("qemu-io", "-f", "raw", "-c", "read -P 0 0 1M", "-c", "read -P 7 1M 1M", uri);
        assertTrue(read.toString(), read.exit() == 0 && !read.out().contains("verification failed"));
        assertEquals("67108864\n", Tool.run("nbdinfo", "--size", uri).ok().out());
    }

    private static String jar(Path project, String version) {
        return project.resolve("target/my-handler-" + version + ".jar").toString();
    }
}
