package org.nbdrunner.distribution;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.ToolProvider;

/**
 * A handler bundle in the making: its disks, which exist under any name, are full of one byte.
 *
 * @param symbolicName of the bundle, and the name of its package
 * @param version of the bundle
 * @param name of the handler
 * @param value that its disks are full of
 * @param size of its disks, in bytes
 * @param code Java code that runs at some points, by their names in the source below
 * @param api the version range of the API that it wants
 */
record HandlerJar(
        String symbolicName, String version, String name, int value, int size, Map<String, String> code, String api) {
    private static final List<String> POINTS = List.of("STARTING", "OPENING", "SUBMITTING", "CLOSING", "STOPPING");

    private static final String SOURCE = """
            package PACKAGE;

            import java.io.IOException;
            import java.nio.ByteBuffer;
            import org.nbdrunner.api.handler.*;

            public final class ConstantHandler implements Handler {
                public ConstantHandler() throws Exception {
                    STARTING
                }

                void stop() throws Exception {
                    stopped = true;
                    STOPPING
                }

                @Override
                public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) {}

                @Override
                public void delete(Cfgstring cfg) {}

                @Override
                public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
                    OPENING
                    VolumeInfo info = VolumeInfo.builder(SIZE).with(Capability.FLUSH).build();
                    Volume disk = new SimpleVolume(info, SimpleVolume.CALLER_RUNS) {
                        @Override
                        protected void read(ByteBuffer buffer, long offset) {
                            while (buffer.hasRemaining()) {
                                buffer.put((byte) VALUE);
                            }
                        }

                        @Override
                        protected void write(ByteBuffer buffer, long offset) {}
                    };
                    return new Volume() {
                        @Override
                        public VolumeInfo info() {
                            return info;
                        }

                        @Override
                        public void submit(IoRequest request) {
                            SUBMITTING
                            disk.submit(request);
                        }

                        @Override
                        public void close() throws IOException {
                            CLOSING
                            disk.close();
                        }
                    };
                }

                private volatile boolean stopped;

                /** Does something on a thread of its own, when the handler should be gone. */
                void late(Runnable what) {
                    Thread leaked = new Thread(() -> {
                        while (!stopped) {
                            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
                        }
                        what.run();
                    });
                    leaked.setDaemon(true);
                    leaked.start();
                }

                static void hang() {
                    while (true) {
                        java.util.concurrent.locks.LockSupport.park();
                    }
                }
            }
            """;

    private static final String COMPONENT = """
            <scr:component xmlns:scr="http://www.osgi.org/xmlns/scr/v1.3.0" name="test.constant" deactivate="stop">
              <property name="nbd.handler.name" value="NAME"/>
              <service><provide interface="org.nbdrunner.api.handler.Handler"/></service>
              <implementation class="PACKAGE.ConstantHandler"/>
            </scr:component>
            """;

    HandlerJar(String symbolicName, String version, String name, int value) {
        this(symbolicName, version, name, value, 65536, Map.of(), "[1.0,2)");
    }

    HandlerJar size(int bytes) {
        return new HandlerJar(symbolicName, version, name, value, bytes, code, api);
    }

    HandlerJar starting(String statement) {
        return at("STARTING", statement);
    }

    HandlerJar opening(String statement) {
        return at("OPENING", statement);
    }

    /** Runs code at one of the points, and no other code. */
    HandlerJar at(String point, String statement) {
        return new HandlerJar(symbolicName, version, name, value, size, Map.of(point, statement), api);
    }

    HandlerJar api(String range) {
        return new HandlerJar(symbolicName, version, name, value, size, code, range);
    }

    /** Imports another package, too. */
    HandlerJar importing(String name) {
        return api(api + "\"," + name + ";version=\"0");
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
        String text = SOURCE.replace("VALUE", Integer.toString(value))
                .replace("SIZE", Integer.toString(size))
                .replace("PACKAGE", symbolicName);
        for (String point : POINTS) {
            text = text.replace(point, code.getOrDefault(point, ""));
        }
        Path source = Files.writeString(folder.resolve("ConstantHandler.java"), text);
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

        String path = symbolicName.replace('.', '/');
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
            entries.write(COMPONENT
                    .replace("NAME", name)
                    .replace("PACKAGE", symbolicName)
                    .getBytes(StandardCharsets.UTF_8));
            try (Stream<Path> classes = Files.list(folder.resolve("classes").resolve(path))) {
                for (Path type : (Iterable<Path>) classes::iterator) {
                    entries.putNextEntry(new ZipEntry(path + "/" + type.getFileName()));
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
