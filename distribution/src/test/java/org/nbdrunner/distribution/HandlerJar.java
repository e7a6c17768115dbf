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

/** Makes handler bundles whose disks of 64 KiB, under any name, are full of one byte. */
final class HandlerJar {
    private static final String SOURCE = """
            package test;

            import java.nio.ByteBuffer;
            import org.nbdrunner.api.handler.*;

            public final class ConstantHandler implements Handler {
                @Override
                public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) {}

                @Override
                public void delete(Cfgstring cfg) {}

                @Override
                public Volume open(Cfgstring cfg, OpenOptions options) {
                    VolumeInfo info = VolumeInfo.builder(65536).with(Capability.FLUSH).build();
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

    private HandlerJar() {}

    /**
     * Makes a bundle and puts it somewhere, whole.
     *
     * @param work an existing directory to work in
     * @param target the file, which is replaced if it is there
     * @param symbolicName of the bundle
     * @param version of the bundle
     * @param name of the handler
     * @param value that its disks are full of
     */
    static void make(Path work, Path target, String symbolicName, String version, String name, int value)
            throws IOException {
        Path folder = Files.createTempDirectory(work, "handler");
        Path source = Files.writeString(
                folder.resolve("ConstantHandler.java"), SOURCE.replace("VALUE", Integer.toString(value)));
        int result = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "-cp",
                        api().toString(),
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
        attributes.putValue("Import-Package", "org.nbdrunner.api.handler;version=\"[1.0,2)\"");
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
        Files.move(jar, target, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path api() throws IOException {
        List<String> jars = Distribution.names(Distribution.in("lib"));
        return Distribution.in("lib")
                .resolve(jars.stream()
                        .filter(name -> name.startsWith("org.nbdrunner.api-"))
                        .findFirst()
                        .orElseThrow());
    }
}
