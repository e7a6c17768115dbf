package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A local repository of Maven for one test: holds what this build has made of ours, and shows everything else as it is in the local
 * repository of the build, which it adds to when Maven fetches more. So nothing of ours is left there, and little is fetched.
 */
final class LocalRepository {
    private static final String TOP = "org";
    private static final String OURS = "nbdrunner";

    private final Path directory;
    private final Path project;
    private final String version;

    /**
     * A repository without anything of ours.
     *
     * @param directory to be made
     * @param behind the local repository of the build
     * @param project the folder of the root project
     * @param version of all that is ours
     */
    LocalRepository(Path directory, Path behind, Path project, String version) throws IOException {
        this.directory = directory;
        this.project = project;
        this.version = version;
        link(behind, directory, TOP);
        link(behind.resolve(TOP), directory.resolve(TOP), OURS);
    }

    /** Links what is in a folder from another one, but for one name. */
    private static void link(Path from, Path to, String except) throws IOException {
        Files.createDirectories(to);
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(from)) {
            for (Path entry : entries) {
                if (!entry.getFileName().toString().equals(except)) {
                    Files.createSymbolicLink(to.resolve(entry.getFileName()), entry);
                }
            }
        }
    }

    /** Adds the pom of a module. */
    LocalRepository pom(String module, String artifact) throws IOException {
        return add(project.resolve(module).resolve("pom.xml"), artifact, ".pom");
    }

    /** Adds the pom of a module, and the jar that was built from it. */
    LocalRepository jar(String module, String artifact) throws IOException {
        Path jar = project.resolve(module).resolve("target").resolve(artifact + "-" + version + ".jar");
        return pom(module, artifact).add(jar, artifact, ".jar");
    }

    private LocalRepository add(Path file, String artifact, String suffix) throws IOException {
        Path folder = Files.createDirectories(
                directory.resolve(TOP).resolve(OURS).resolve(artifact).resolve(version));
        Files.copy(file, folder.resolve(artifact + "-" + version + suffix));
        return this;
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
