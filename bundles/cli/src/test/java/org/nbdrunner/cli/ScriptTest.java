package org.nbdrunner.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.rpc.internal.ControlServer;

/** The script {@code bin/nbd-cli} in an installation whose path has a blank. */
class ScriptTest {
    @TempDir
    private Path directory;

    private Path home;
    private Path script;

    /** In place of a directory for archives: none can be kept there, so that no training outlives a test. */
    private Path cache;

    private String javaHome = System.getProperty("java.home");

    /** Null if none was started. */
    private ControlServer server;

    private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();
    private final Map<String, String> variables = new HashMap<>();

    private record Result(int exit, String out, String err) {}

    @BeforeEach
    void install() throws IOException {
        home = directory.resolve("a home");
        script = Files.createDirectories(home.resolve("bin")).resolve("nbd-cli");
        Files.copy(Path.of("src/main/bin/nbd-cli"), script);
        assertTrue(script.toFile().setExecutable(true));
        Path lib = Files.createDirectories(home.resolve("lib"));
        List<String> jars = new ArrayList<>();
        String path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        for (String p : path.split(File.pathSeparator, -1)) {
            Path entry = Path.of(p);
            if (Files.isDirectory(entry)) {
                // The JVM archives classes of jars only.
                Path jar = lib.resolve(jars.size() + ".jar");
                pack(jar, new Manifest(), entry);
                entry = jar;
            }
            jars.add(entry.toUri().toString());
        }
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, String.join(" ", jars));
        pack(lib.resolve("nbd-cli.jar"), manifest, Files.createDirectory(directory.resolve("nothing")));
        cache = Files.createFile(directory.resolve("no directory"));
    }

    @AfterEach
    void endTheRunner() {
        if (server != null) {
            server.close();
        }
    }

    private static void pack(Path jar, Manifest manifest, Path classes) throws IOException {
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest);
                Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(f -> !f.endsWith("META-INF/MANIFEST.MF"))
                    .toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
                Files.copy(file, out);
            }
        }
    }

    /** A runner without backstores. */
    private String serve() throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, loopback)) {
            port = free.getLocalPort();
        }
        Control control = (Control) Proxy.newProxyInstance(
                Control.class.getClassLoader(), new Class<?>[] {Control.class}, (proxy, method, arguments) -> {
                    asked.add(method.getName() + " "
                            + (arguments == null ? "" : arguments[arguments.length > 1 ? 1 : 0]));
                    return method.getReturnType() == List.class ? List.of() : null;
                });
        server = new ControlServer(control, new InetSocketAddress(loopback, port), 4, 30_000);
        return "127.0.0.1:" + port;
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            Thread.sleep(20);
        }
    }

    private Result run(Path program, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(words));
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("XDG_CACHE_HOME", cache.toString());
        builder.environment().put("JAVA_HOME", javaHome);
        builder.environment().putAll(variables);
        Process process = builder.start();
        process.getOutputStream().close();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it hangs");
        return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void doesWhatItIsAsked() throws Exception {
        Result result = run(script, "help");
        assertEquals(0, result.exit(), result::toString);
        assertTrue(result.out().startsWith("usage: nbd-cli HANDLER COMMAND"), result::toString);
        assertEquals("", result.err());
    }

    @Test
    void exitsWithOneWhenItFails() throws Exception {
        Result result = run(script, "list", "host", "127.0.0.1:0");
        assertEquals(1, result.exit(), result::toString);
        assertEquals("", result.out());
        assertEquals("nbd-cli: host 127.0.0.1:0 is no HOST, HOST:PORT or [V6]:PORT\n", result.err());
    }

    @Test
    void exitsWithTwoForWordsThatMakeNoCommand() throws Exception {
        Result result = run(script, "file", "create", "a b", "c  d", "size", "1G");
        assertEquals(2, result.exit(), result::toString);
        assertEquals("", result.out());
        assertTrue(result.err().startsWith("nbd-cli: unexpected word c  d\nusage: "), result::toString);
    }

    @Test
    void isFoundThroughLinks() throws Exception {
        Path first = Files.createSymbolicLink(directory.resolve("first"), script);
        Path links = Files.createDirectory(directory.resolve("more links"));
        Path second = Files.createSymbolicLink(links.resolve("second"), Path.of("../first"));
        assertTrue(Files.isSymbolicLink(first));
        Result result = run(second, "version");
        assertEquals(0, result.exit(), result::toString);
        assertTrue(result.out().startsWith("nbd-cli "), result::toString);
    }

    @Test
    void saysThatThereIsNoJava() throws Exception {
        javaHome = "/nonexistent";
        Result result = run(script, "version");
        assertEquals(1, result.exit(), result::toString);
        assertEquals(
                "nbd-cli: there is no /nonexistent/bin/java: install Java 17 or newer, or set JAVA_HOME\n",
                result.err());
    }

    @Test
    void doesWithoutAnArchiveThatIsNone() throws Exception {
        cache = Files.createDirectory(directory.resolve("cache"));
        Path archive = archive();
        Files.createDirectories(archive.getParent());
        for (String content : List.of("", "no archive\n".repeat(10_000))) {
            Files.writeString(archive, content);
            Result result = run(script, "version");
            assertEquals(0, result.exit(), result::toString);
            assertTrue(result.out().matches("nbd-cli \\S+\n"), result::toString);
            assertEquals("", result.err());
        }
        try (Stream<Path> files = Files.list(archive.getParent())) {
            assertEquals(List.of(archive), files.toList(), "it has the name of the archive that the script looks for");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"C", "POSIX", "no_SUCH.ISO-8859-1", "C.UTF-8"})
    void takesNamesForUtf8WhateverTheLocale(String locale) throws Exception {
        variables.put("LC_ALL", locale);
        String host = serve();
        Result result = run(script, "file", "delete", "\u00fc\u20ac", "host", host);
        assertEquals(0, result.exit(), result::toString);
        assertEquals(List.of("delete \u00fc\u20ac"), List.copyOf(asked));
    }

    @Test
    void failsWhenItsOutputCannotBeWritten() throws Exception {
        Path full = Files.writeString(directory.resolve("full"), "#!/bin/sh\nexec \"$@\" >/dev/full\n");
        assertTrue(full.toFile().setExecutable(true));
        Result result = run(full, script.toString(), "help");
        assertEquals(1, result.exit(), result::toString);
        assertEquals("nbd-cli: standard output cannot be written: is its device full?\n", result.err());
    }

    @ParameterizedTest
    @CsvSource({
        "list, 2",
        "file list, 2",
        "handler list, 2",
        "handler remove file, 0",
        "info x, 1",
        "list free, 1",
        "file delete x, 1",
        "help, 0"
    })
    void keepsClassesOfCommandsThatOnlyAskAndSucceed(String command, int times) throws Exception {
        cache = Files.createDirectory(directory.resolve("cache"));
        List<String> words = new ArrayList<>(List.of(command.split(" ")));
        words.addAll(List.of("host", serve()));
        run(script, words.toArray(String[]::new));
        Path size = Path.of(archive() + ".size");
        Path lock = Path.of(archive() + ".lock");
        if (times == 2) {
            await("an archive", () -> Files.exists(size) && !Files.exists(lock));
            assertTrue(Files.size(archive()) > 100_000);
        }
        assertEquals(times, asked.size(), asked::toString);
        assertEquals(times == 2, Files.exists(archive()));
    }

    @Test
    void keepsNothingWhileAnotherOneDoes() throws Exception {
        cache = Files.createDirectory(directory.resolve("cache"));
        Path lock = Files.createDirectories(Path.of(archive() + ".lock"));
        Path size = Path.of(archive() + ".size");
        String host = serve();
        assertEquals(0, run(script, "list", "host", host).exit());
        assertEquals(1, asked.size());
        Files.setLastModifiedTime(lock, FileTime.fromMillis(0));
        assertEquals(0, run(script, "list", "host", host).exit());
        await("a lock that was left behind is taken away", () -> Files.exists(size));
    }

    @Test
    void doesWithoutAnArchiveThatIsBroken() throws Exception {
        cache = Files.createDirectory(directory.resolve("cache"));
        String host = serve();
        assertEquals(0, run(script, "list", "host", host).exit());
        Path archive = archive();
        Path lock = Path.of(archive + ".lock");
        await("an archive", () -> Files.exists(Path.of(archive + ".size")) && !Files.exists(lock));
        byte[] whole = Files.readAllBytes(archive);
        byte[] changed = whole.clone();
        Arrays.fill(changed, changed.length / 2, changed.length / 2 + 65_536, (byte) 0xa5);
        for (byte[] content : List.of(whole, changed, Arrays.copyOf(whole, 4096), new byte[0])) {
            Files.delete(archive);
            Files.write(archive, content);
            asked.clear();
            Result result = run(script, "file", "delete", "x", "host", host);
            assertEquals(new Result(0, "", ""), result);
            assertEquals(List.of("delete x"), List.copyOf(asked));
        }
    }

    /** Where the script looks for its archive. */
    private Path archive() throws IOException, InterruptedException {
        Process sum = new ProcessBuilder(
                        "sh",
                        "-c",
                        "printf '%s' \"$(readlink -f -- \"$1/bin/java\")$2\" | cksum | tr ' ' '-'",
                        "sh",
                        javaHome,
                        home.toRealPath().toString())
                .start();
        String name = new String(sum.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertTrue(sum.waitFor(30, TimeUnit.SECONDS));
        return cache.resolve("nbd-runner/nbd-cli-" + name + ".jsa");
    }
}
