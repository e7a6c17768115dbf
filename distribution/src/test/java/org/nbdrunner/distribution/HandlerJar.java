package org.nbdrunner.distribution;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.ToolProvider;

/**
 * A handler bundle in the making: its disks, which exist under any name, are full of one byte.
 *
 * @param symbolicName of the bundle
 * @param version of the bundle
 * @param name of the handler
 * @param value that its disks are full of
 * @param size of its disks, in bytes
 * @param starting Java code that runs when the handler starts
 * @param opening Java code that runs before a disk is opened
 * @param api the version range of the API that it wants
 */
record HandlerJar(
        String symbolicName,
        String version,
        String name,
        int value,
        int size,
        String starting,
        String opening,
        String api) {

    private static final String SOURCE = """
            package test;

            import java.io.IOException;
            import java.nio.ByteBuffer;
            import org.nbdrunner.api.handler.*;

            public final class ConstantHandler implements Handler {
                public ConstantHandler() throws Exception {
                    STARTING
                }

                @Override
                public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) {}

                @Override
                public void delete(Cfgstring cfg) {}

                @Override
                public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
                    OPENING
                    VolumeInfo info = VolumeInfo.builder(SIZE).with(Capability.FLUSH).build();
                    return new SimpleVolume(info, SimpleVolume.CALLER_RUNS) {
                        @Override
                        protected void read(ByteBuffer buffer, long offset) {
                            while (buffer.hasRemaining()) {
                                buffer.put((byte) VALUE);
                            }
                        }

                        @Override
                        protected void write(ByteBuffer buffer, long offset) {}
                    };
                }
            }
            """;

    private static final String COMPONENT = """
            <scr:component xmlns:scr="http://www.osgi.org/xmlns/scr/v1.3.0" name="test.constant">
              <property name="nbd.handler.name" value="NAME"/>
              <service><provide interface="org.nbdrunner.api.handler.Handler"/></service>
              <implementation class="test.ConstantHandler"/>
            </scr:component>
            """;

    HandlerJar(String symbolicName, String version, String name, int value) {
        this(symbolicName, version, name, value, 65536, "", "", "[1.0,2)");
    }

    HandlerJar size(int bytes) {
        return new HandlerJar(symbolicName, version, name, value, bytes, starting, opening, api);
    }

    HandlerJar starting(String code) {
        return new HandlerJar(symbolicName, version, name, value, size, code, opening, api);
    }

    HandlerJar opening(String code) {
        return new HandlerJar(symbolicName, version, name, value, size, starting, code, api);
    }

    HandlerJar api(String range) {
        return new HandlerJar(symbolicName, version, name, value, size, starting, opening, range);
    }

    /**
     * Makes the bundle and puts it somewhere, whole.
     *
     * @param work an existing directory to work in
     * @param target the file, which is replaced if it is there
     * @return the file
     */
    Path make(Path work, Path target) throws IOException {
        Path folder = Files.createTempDirectory(work, "handler");
        Path source = Files.writeString(
                folder.resolve("ConstantHandler.java"),
                SOURCE.replace("VALUE", Integer.toString(value))
                        .replace("SIZE", Integer.toString(size))
                        .replace("STARTING", starting)
                        .replace("OPENING", opening));
        int result = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "-cp",
                        apiJar().toString(),
                        "-proc:none",
                        "-d",
                        folder.resolve("classes").toString(),
                        source.toString());
        if (result != 0) {
            throw new AssertionError("the handler does not compile");
        }

        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue("Bundle-ManifestVersion", "2");
        attributes.putValue("Bundle-SymbolicName", symbolicName);
        attributes.putValue("Bundle-Version", version);
        attributes.putValue("Import-Package", "org.nbdrunner.api.handler;version=\"" + api + "\"");
        attributes.putValue("Service-Component", "OSGI-INF/component.xml");
        Path jar = folder.resolve("handler.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out, manifest)) {
            entries.putNextEntry(new ZipEntry("OSGI-INF/component.xml"));
            entries.write(COMPONENT.replace("NAME", name).getBytes(StandardCharsets.UTF_8));
            try (Stream<Path> classes = Files.list(folder.resolve("classes/test"))) {
                for (Path type : (Iterable<Path>) classes::iterator) {
                    entries.putNextEntry(new ZipEntry("test/" + type.getFileName()));
                    entries.write(Files.readAllBytes(type));
                }
            }
        }
        return Files.move(jar, target, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path apiJar() throws IOException {
        List<String> jars = Distribution.names(Distribution.in("lib"));
        return Distribution.in("lib")
                .resolve(jars.stream()
                        .filter(name -> name.startsWith("org.nbdrunner.api-"))
                        .findFirst()
                        .orElseThrow());
    }
}
