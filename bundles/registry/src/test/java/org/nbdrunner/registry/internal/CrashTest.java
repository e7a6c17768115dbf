package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** Killed at any moment, a registry leaves the state before the operation or the one after it. */
class CrashTest {
    private static final int KILLS = 16;
    private static final int KEYS = 4;

    /** About as long as an operation takes here. */
    private static final int OPERATION_NANOS = 3_000_000;

    private static final String H = "dummy";

    @TempDir
    Path directory;

    /** Storage that has whatever it is asked for, so that it survives with nothing kept. */
    private static final class Anything implements Handler {
        @Override
        public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) {}

        @Override
        public void delete(Cfgstring cfg) {}

        @Override
        public Volume open(Cfgstring cfg, OpenOptions options) {
            TestHandler h = new TestHandler();
            return new TestVolume(h, cfg.key(), VolumeInfo.builder(512).build());
        }
    }

    private record Endpoint(String host, int port) implements IoEndpoint {}

    /** The one to be killed: announces the state that comes next, brings it about, says so. */
    public static void main(String[] args) throws Exception {
        Registry registry =
                new Registry(Fixture.settings(Path.of(args[0])), () -> new Endpoint("localhost", 1), key -> {});
        registry.add(H, new Anything(), 0, 1, Fixture.ORIGIN);
        Control control = registry.control();
        Random random = new Random();
        while (true) {
            String key = "k" + random.nextInt(KEYS);
            Map<String, String> states = new TreeMap<>();
            for (BackstoreInfo i : control.list("")) {
                states.put(i.key(), i.state().text());
            }
            String state = states.getOrDefault(key, "none");
            boolean delete = state.equals("created") && random.nextBoolean();
            switch (state) {
                case "none" -> states.put(key, "created");
                case "created" -> {
                    if (delete) {
                        states.remove(key);
                    } else {
                        states.put(key, "mapping");
                    }
                }
                case "mapping" -> states.put(key, "mapped");
                default -> states.put(key, "created");
            }
            System.out.println("next " + states);
            switch (state) {
                case "none" -> control.create(H, key, 512, false, ProgressListener.NONE);
                case "created" -> {
                    if (delete) {
                        control.delete(H, key);
                    } else {
                        control.premap(H, key, false, 30);
                    }
                }
                case "mapping" -> control.postmap(H, key, "/dev/nbd0", "2026-11-22 17:37:47");
                default -> control.unmap(H, key, "");
            }
            System.out.println("done");
        }
    }

    private String onDisk() throws IOException {
        Path file = directory.resolve("saveconfig.json");
        Map<String, String> states = new TreeMap<>();
        if (Files.exists(file)) {
            JsonObject all = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            all.entrySet()
                    .forEach(e -> states.put(
                            e.getKey(),
                            e.getValue().getAsJsonObject().get("status").getAsString()));
        }
        return states.toString();
    }

    @Test
    @Timeout(120)
    void theFileHasTheOldStateOrTheNew() throws Exception {
        Random random = new Random();
        int done = 0;
        int before = 0;
        int after = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            String old = onDisk();
            Process child = ChildJvm.start(CrashTest.class, directory.toString());
            String next = null;
            int left = random.nextInt(25);
            try (BufferedReader out = child.inputReader()) {
                String line = out.readLine();
                assertNotNull(line, "it did not start");
                for (; line != null; line = out.readLine()) {
                    if (line.startsWith("next ")) {
                        next = line.substring(5);
                        if (left-- == 0) {
                            LockSupport.parkNanos(random.nextInt(OPERATION_NANOS));
                            child.toHandle().destroyForcibly(); // the process would close the pipe, too
                        }
                    } else if (line.equals("done")) {
                        old = next;
                        next = null;
                        done++;
                    }
                }
            }
            assertTrue(child.waitFor() > 128, "it was to die of the signal");
            String found = onDisk();
            if (next == null || found.equals(old)) {
                assertEquals(old, found, "acknowledged and lost");
                before++;
            } else {
                assertEquals(next, found, "neither " + old + " nor what was to come");
                after++;
            }
            assertStarts();
        }
        assertTrue(done > KILLS, done + " operations in all, nothing was tried");
        System.out.printf("%d kills after %d operations: %d old states, %d new%n", KILLS, done, before, after);
    }

    /** Nobody has cleaned up, and it must not be needed. */
    private void assertStarts() throws Exception {
        try (Registry registry = new Registry(Fixture.settings(directory), () -> null, key -> {})) {
            for (BackstoreInfo i : registry.control().list("")) {
                assertEquals(i.device().isEmpty() ? BackstoreState.CREATED : BackstoreState.DEAD, i.state());
            }
        }
    }
}
