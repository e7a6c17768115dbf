package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.commands.Environment;
import org.nbdrunner.netlink.MapRequest;
import org.nbdrunner.netlink.Mapper;

/** map: announces the mapping, gives its connections to the kernel, and reports the device; undoes what it did if a step fails. */
final class MapCommand {
    private static final int DEFAULT_TIMEOUT = 30;
    private static final int MOST_TIMEOUT = 86_400;
    private static final int LEAST_DEAD_TIMEOUT = 60;

    /** What an old runner understands: it does not say, and never answers what it does not know. */
    private static final int OLD_FLAGS = TransmissionFlags.HAS_FLAGS | TransmissionFlags.SEND_FLUSH;

    private final Environment environment;
    private final String handler;

    MapCommand(Environment environment, String handler) {
        this.environment = environment;
        this.handler = handler;
    }

    void run(List<String> words, String help) throws UsageException, ControlException, IOException {
        Words w = Words.parse(words, Set.of("timeout"), Set.of("readonly"), 1, 2, help);
        String device = w.plain(1);
        if (!device.isEmpty() && !device.startsWith("/dev/nbd")) {
            throw new UsageException(device + " is no /dev/nbdX", help);
        }
        int timeout = timeout(w, help);
        boolean readOnly = w.has("readonly");
        String cfg = w.plain(0);
        Control control = environment.control(w.host());
        Premapped premapped = control.premap(handler, cfg, readOnly, timeout);
        Mapped mapped;
        try {
            mapped = connect(request(premapped, cfg, device, readOnly, timeout), premapped.device());
        } catch (IOException e) {
            rollBack(control, cfg);
            throw e;
        } catch (RuntimeException | LinkageError e) {
            rollBack(control, cfg);
            throw new StorageException(Errno.EIO, "mapping failed: " + Errno.describe(e), e);
        }
        try {
            control.postmap(handler, cfg, mapped.device(), now());
        } catch (ControlException e) {
            throw new ControlException(
                    e.errno(),
                    "the runner did not take note of " + mapped.device() + ", which " + retreat(control, cfg, mapped)
                            + ": " + e.getMessage(),
                    e);
        }
        environment.out().println(w.json() ? Json.object(Map.of("device", mapped.device())) : mapped.device());
    }

    /** A device, and whether it was there before: it may then have I/O that waits. */
    private record Mapped(String device, boolean restored) {}

    private static int timeout(Words w, String help) throws UsageException {
        String text = w.value("timeout", "" + DEFAULT_TIMEOUT);
        int timeout;
        try {
            timeout = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new UsageException("timeout " + text + " is no number of seconds", help);
        }
        if (timeout <= 0) {
            throw new UsageException("timeout " + text + " is not positive", help);
        } else if (timeout > MOST_TIMEOUT) {
            throw new UsageException(
                    "timeout " + text + " is over a day: at most " + MOST_TIMEOUT + " is possible", help);
        }
        return timeout;
    }

    private MapRequest request(Premapped p, String cfg, String device, boolean readOnly, int timeout)
            throws IOException {
        String key = Cfgstring.parse(cfg).key();
        boolean dead = !p.device().isEmpty();
        if (dead && !device.isEmpty() && !device.equals(p.device())) {
            throw new StorageException(
                    Errno.EBUSY,
                    key + " cannot be mapped to " + device + ": its mapping to " + p.device()
                            + " died and can be restored there alone; name no device, or unmap it first");
        }
        int flags = (p.flags() == 0 ? OLD_FLAGS : p.flags()) | (readOnly ? TransmissionFlags.READ_ONLY : 0);
        long deadTimeout = Math.max(LEAST_DEAD_TIMEOUT, 2L * timeout);
        try {
            return new MapRequest(
                    p.host().isEmpty() ? "127.0.0.1" : p.host(),
                    p.port(),
                    cfg,
                    dead ? p.device() : device,
                    p.size(),
                    p.blockSize(),
                    flags,
                    readOnly,
                    timeout,
                    Math.toIntExact(deadTimeout),
                    Math.max(1, p.connections()),
                    handler + "/" + key);
        } catch (IllegalArgumentException e) {
            throw new StorageException(Errno.EINVAL, "the runner answered nonsense: " + e.getMessage(), e);
        }
    }

    private Mapped connect(MapRequest request, String dead) throws IOException {
        Mapper mapper = environment.mapper();
        if (!dead.isEmpty() && Devices.isConnected(mapper, dead)) {
            mapper.reconnect(request);
            return new Mapped(dead, true);
        }
        return new Mapped(mapper.map(request), false);
    }

    /**
     * Gives up a mapping that the runner took no note of, unless I/O that waited for it would be lost.
     *
     * @return what has become of the device
     */
    private String retreat(Control control, String cfg, Mapped mapped) {
        if (mapped.restored()) {
            return "stays connected for the I/O that waited for it; map it once more";
        }
        try {
            environment.mapper().disconnect(mapped.device());
        } catch (IOException e) {
            // The runner must not take for free what is still being served.
            return "stays connected (" + Errno.describe(e) + ")";
        }
        rollBack(control, cfg);
        return "is disconnected again";
    }

    private void rollBack(Control control, String cfg) {
        try {
            control.postmap(handler, cfg, "", "");
        } catch (ControlException e) {
            environment.complain("the runner did not take note of the failure: " + e.getMessage());
        }
    }

    /** As the C project writes it: {@code 2026-11-22 17:37:47}. */
    private static String now() {
        return LocalDateTime.now(java.time.ZoneId.systemDefault())
                .withNano(0)
                .format(java.time.format.DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss"));
    }
}
