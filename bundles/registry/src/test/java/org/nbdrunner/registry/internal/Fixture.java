package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.function.Executable;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.registry.internal.handlers.HandlerService;

/** A registry with one handler, and what tests do with it. */
final class Fixture implements AutoCloseable {
    static final String HANDLER = "dummy";
    static final String DEVICE = "/dev/nbd0";
    static final String TIME = "2026-11-22 17:37:47";
    static final long SIZE = 1 << 20;
    static final HandlerService.Origin ORIGIN = new HandlerService.Origin(7, "test.dummy", "1.0.0");

    /** Long enough for a busy machine; tests that succeed do not wait for it. */
    private static final Duration BOUND = Duration.ofSeconds(20);

    final Path directory;
    final TestHandler handler;
    final Queue<String> unclean = new ConcurrentLinkedQueue<>();
    volatile boolean listening = true;
    private Registry registry;
    private Settings settings;

    Fixture(Path directory) throws IOException {
        this(directory, new TestHandler());
    }

    Fixture(Path directory, TestHandler handler) throws IOException {
        this.directory = directory;
        this.handler = handler;
        this.settings = settings(directory);
        start();
        registry.add(HANDLER, handler, 0, 1, ORIGIN);
    }

    /** Short where a test waits for the time to pass, long where it must not. */
    static Settings settings(Path directory) {
        return settings(directory, Duration.ofSeconds(30), Duration.ofMillis(50), Duration.ofSeconds(10));
    }

    static Settings settings(Path directory, Duration timeout, Duration settle, Duration drain) {
        return new Settings(
                directory,
                4,
                timeout,
                Duration.ofMillis(200),
                settle,
                drain,
                drain,
                drain,
                drain,
                Duration.ofMillis(10));
    }

    void start() throws IOException {
        registry = new Registry(settings, () -> listening ? endpoint() : null, unclean::add);
    }

    /** Starts again with other settings, and the handler. */
    void restart(Settings newSettings) throws IOException {
        registry.close();
        settings = newSettings;
        start();
        registry.add(HANDLER, handler, 0, 1, ORIGIN);
    }

    void restart() throws IOException {
        restart(settings);
    }

    private static IoEndpoint endpoint() {
        return new IoEndpoint() {
            @Override
            public String host() {
                return "localhost";
            }

            @Override
            public int port() {
                return 24111;
            }
        };
    }

    Registry registry() {
        return registry;
    }

    Control control() {
        return registry.control();
    }

    Exports exports() {
        return registry.exports();
    }

    Path file() {
        return directory.resolve("saveconfig.json");
    }

    String text() throws IOException {
        return Files.readString(file());
    }

    void create(String key) throws ControlException {
        control().create(HANDLER, key, SIZE, false, ProgressListener.NONE);
    }

    /** Premaps, connects and postmaps. */
    OpenExport map(String key) throws ControlException, StorageException {
        return map(key, reason -> {});
    }

    OpenExport map(String key, ExportListener listener) throws ControlException, StorageException {
        control().premap(HANDLER, key, false, 30);
        OpenExport export = exports().openMapped(key, listener);
        control().postmap(HANDLER, key, DEVICE, TIME);
        return export;
    }

    OpenExport open(String key) throws StorageException {
        return exports().open(HANDLER + "/" + key, reason -> {});
    }

    BackstoreInfo info(String key) throws ControlException {
        return control().list("").stream()
                .filter(i -> i.key().equals(key))
                .findFirst()
                .orElse(null);
    }

    BackstoreState state(String key) throws ControlException {
        return info(key).state();
    }

    /** Waits for a condition. */
    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + BOUND.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("not in time: " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    void awaitState(String key, BackstoreState state) {
        await(key + " is " + state, () -> {
            try {
                return state(key) == state;
            } catch (ControlException e) {
                throw new AssertionError(e);
            }
        });
    }

    static String refused(Errno errno, Executable executable) {
        Exception e = assertThrows(Exception.class, executable);
        Errno actual = e instanceof ControlException c ? c.errno() : Errno.of(e);
        assertEquals(errno, actual, e.toString());
        return e.getMessage();
    }

    @Override
    public void close() throws IOException {
        registry.close();
    }
}
