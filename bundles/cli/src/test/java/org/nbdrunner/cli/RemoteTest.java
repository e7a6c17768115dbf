package org.nbdrunner.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.commands.Commands;
import org.nbdrunner.rpc.internal.Administration;
import org.nbdrunner.rpc.internal.ControlServer;

/** Commands against a control program that is served over TCP. */
class RemoteTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();

    @TempDir
    private Path directory;

    private int port;
    private ControlServer server;

    @BeforeEach
    void serve() throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        try (ServerSocket free = new ServerSocket(0, 1, loopback)) {
            port = free.getLocalPort();
        }
        server = new ControlServer(control(), new InetSocketAddress(loopback, port), 4, 30_000);
    }

    @AfterEach
    void end() {
        server.close();
    }

    private Control control() {
        return (Control) Proxy.newProxyInstance(
                Control.class.getClassLoader(), new Class<?>[] {Control.class}, (proxy, method, arguments) -> {
                    asked.add(method.getName());
                    return switch (method.getName()) {
                        case "list" ->
                            List.of(new BackstoreInfo(
                                    "file",
                                    1001,
                                    "d/ü.img",
                                    BackstoreState.CREATED,
                                    "",
                                    "",
                                    1 << 30,
                                    512,
                                    0,
                                    false,
                                    false));
                        case "handlers" -> List.of(new HandlerInfo("file", 1001, 1));
                        case "create" -> {
                            ((ProgressListener) arguments[4]).progress(1, 2);
                            if ((boolean) arguments[3]) {
                                awaitProgressShown();
                            }
                            yield null;
                        }
                        case "delete" -> throw new ControlException(Errno.EBUSY, arguments[1] + " is mapped");
                        default -> null;
                    };
                });
    }

    private int run(String... words) {
        try (RemoteEnvironment environment = new RemoteEnvironment(stream(out), stream(err))) {
            return new Commands(environment).run(List.of(words));
        }
    }

    private static PrintStream stream(ByteArrayOutputStream bytes) {
        return new PrintStream(bytes, true, StandardCharsets.UTF_8);
    }

    private String errText() {
        return err.toString(StandardCharsets.UTF_8);
    }

    /** The client asks how far a preallocation has come while that runs. */
    private void awaitProgressShown() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (err.size() == 0 && System.nanoTime() < end) {
            Thread.sleep(1);
        }
    }

    @Test
    void asksTheRunnerAtThisHost() {
        assertEquals(Commands.DONE, run("list", "create", "host", "127.0.0.1:" + port), this::errText);
        assertTrue(out.toString(StandardCharsets.UTF_8).endsWith(" file/d/ü.img\n"), out::toString);
        assertEquals(List.of("list"), List.copyOf(asked));
    }

    @Test
    void createsAndListsHandlers() {
        String host = "127.0.0.1:" + port;
        assertEquals(Commands.DONE, run("file", "create", "x", "size", "1G", "host", host), this::errText);
        assertEquals(Commands.DONE, run("handler", "list", "host", host), this::errText);
        assertTrue(List.copyOf(asked).containsAll(List.of("create", "handlers")), asked::toString);
    }

    @Test
    void sendsABundleWhereHandlersMayBeChanged() throws IOException {
        Path jar = Files.write(directory.resolve("rot13.jar"), new byte[300_000]);
        assertEquals(
                Commands.FAILED, run("handler", "upgrade", jar.toString(), "host", "127.0.0.1:" + port), this::errText);
        assertTrue(errText().contains("handlerAdministration = true"), this::errText);
        server.close();
        HandlerAdmin admin = (HandlerAdmin) Proxy.newProxyInstance(
                HandlerAdmin.class.getClassLoader(),
                new Class<?>[] {HandlerAdmin.class},
                (proxy, method, arguments) -> method.getName() + " " + Files.size((Path) arguments[0]));
        Administration administration = new Administration(true, () -> admin, directory.resolve("uploads"));
        server = new ControlServer(
                control(), administration, new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 4, 30_000);
        assertEquals(
                Commands.DONE, run("handler", "upgrade", jar.toString(), "host", "127.0.0.1:" + port), this::errText);
        assertEquals("upgrade 300000\n", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void namesAFileThatIsNotThere() {
        assertEquals(Commands.FAILED, run("handler", "install", "./no.jar", "host", "127.0.0.1:" + port));
        assertEquals("nbd-cli: there is no file ./no.jar\n", errText());
    }

    @Test
    void asksTheNextRunnerWhenTheFirstIsNotThere() throws IOException {
        int closed;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            closed = free.getLocalPort();
        }
        assertEquals(
                Commands.DONE,
                run("list", "create", "host", "127.0.0.1:" + closed + ",127.0.0.1:" + port),
                this::errText);
    }

    @Test
    void passesTheRunnersReasonOn() {
        assertEquals(Commands.FAILED, run("file", "delete", "x", "host", "127.0.0.1:" + port));
        assertEquals("nbd-cli: x is mapped\n", errText());
    }

    @Test
    void saysThatNobodyAnswers() {
        server.close();
        assertEquals(Commands.FAILED, run("list", "host", "127.0.0.1:" + port));
        assertEquals("nbd-cli: no nbd-runner answers at 127.0.0.1:" + port + ": is it running there?\n", errText());
        assertEquals(0, out.size());
    }

    @Test
    void refusesAddressesThatAreNone() {
        assertEquals(Commands.FAILED, run("list", "host", "here:there"));
        assertEquals("nbd-cli: host here:there has no port from 1 to 65535 behind its colon\n", errText());
    }

    @Test
    void showsProgressWhereTheScriptSawATerminal() {
        String host = "127.0.0.1:" + port;
        assertEquals(Commands.DONE, run("file", "create", "x", "size", "1G", "host", host), this::errText);
        assertEquals("", errText());
        System.setProperty("nbd.terminal", "true");
        try {
            assertEquals(
                    Commands.DONE, run("file", "create", "x", "prealloc", "size", "1G", "host", host), this::errText);
        } finally {
            System.clearProperty("nbd.terminal");
        }
        assertTrue(errText().startsWith("\r50 %"), this::errText);
    }
}
