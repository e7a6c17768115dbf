package org.nbdrunner.registry.internal;

import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.nbdrunner.registry.internal.handlers.HandlerTable;

/** Checks what is asked, and asks the backstore concerned. */
final class RegistryControl implements Control {
    private static final int SECTOR = 512;
    private static final int MAX_TEXT = 255;

    private final Backstores backstores;
    private final HandlerTable handlers;
    private final RegistryWatch watch;
    private final Supplier<IoEndpoint> endpoint;
    private final int connections;

    /**
     * Control over backstores.
     *
     * @param backstores all of them
     * @param handlers those present
     * @param watch knows how handlers fare
     * @param endpoint where legacy I/O is served; gives null while it is not
     * @param connections how many connections a device may have where its volume allows several
     */
    RegistryControl(
            Backstores backstores,
            HandlerTable handlers,
            RegistryWatch watch,
            Supplier<IoEndpoint> endpoint,
            int connections) {
        this.backstores = backstores;
        this.handlers = handlers;
        this.watch = watch;
        this.endpoint = endpoint;
        this.connections = connections;
    }

    @Override
    public void create(String handler, String cfgstring, long size, boolean preallocate, ProgressListener progress)
            throws ControlException {
        Objects.requireNonNull(progress, "progress");
        answer(() -> handlers.use(handler, service -> {
            Cfgstring cfg = parse(service, cfgstring);
            checkSize(size);
            return backstores.exclusively(cfg.key(), "creating it", b -> {
                b.create(service, cfg, size, preallocate, progress);
                return null;
            });
        }));
    }

    @Override
    public void delete(String handler, String cfgstring) throws ControlException {
        answer(() -> handlers.use(handler, service -> {
            Cfgstring cfg = parse(service, cfgstring);
            return backstores.exclusively(cfg.key(), "deleting it", b -> {
                b.delete(service, cfg);
                return null;
            });
        }));
    }

    @Override
    public String resize(String handler, String cfgstring, long size, boolean force) throws ControlException {
        return answer(() -> handlers.use(handler, service -> {
            Cfgstring cfg = parse(service, cfgstring);
            checkSize(size);
            return backstores.exclusively(cfg.key(), "resizing it", b -> b.resize(service, cfg, size, force));
        }));
    }

    @Override
    public Premapped premap(String handler, String cfgstring, boolean readOnly, int timeout) throws ControlException {
        return answer(() -> handlers.use(handler, service -> {
            Cfgstring cfg = parse(service, cfgstring);
            if (timeout <= 0) {
                throw new StorageException(Errno.EINVAL, "the timeout is " + timeout + " s, at least 1 is needed");
            }
            IoEndpoint where = endpoint.get();
            if (where == null) {
                throw new StorageException(
                        Errno.ENOTCONN,
                        "the I/O listener is not running: start the engine, or see in the log why it stopped");
            }
            return backstores.exclusively(cfg.key(), "mapping it", b -> {
                VolumeInfo volume = b.premap(service, cfg, readOnly, timeout);
                return new Premapped(
                        b.saved().device(),
                        where.host(),
                        where.port(),
                        volume.size(),
                        b.saved().blockSize(),
                        TransmissionFlags.of(volume),
                        volume.can(Capability.MULTI_CONN) ? connections : 1);
            });
        }));
    }

    @Override
    public void postmap(String handler, String cfgstring, String device, String mapTime) throws ControlException {
        answer(() -> {
            Cfgstring cfg = parse(cfgstring);
            checkText("device", device);
            checkText("time", mapTime);
            if (!device.isEmpty() && !device.startsWith("/dev/")) {
                throw new StorageException(Errno.EINVAL, device + " is no device: its name begins with /dev/");
            }
            return backstores.exclusively(cfg.key(), "mapping it", b -> {
                b.postmap(handler, device, mapTime);
                return null;
            });
        });
    }

    @Override
    public String unmap(String handler, String cfgstring, String device) throws ControlException {
        return answer(() -> {
            String key = cfgstring.isEmpty()
                    ? mappedTo(handler, device)
                    : parse(cfgstring).key();
            return backstores.exclusively(key, "unmapping it", b -> b.unmap(handler, device));
        });
    }

    /**
     * The backstore of a device. Client machines do not share device names, so there may be several; the one that is
     * mapped is meant, not one whose mapping died.
     */
    private String mappedTo(String handler, String device) throws StorageException {
        if (device.isEmpty()) {
            throw new StorageException(Errno.EINVAL, "name the backstore or the device to unmap");
        }
        List<BackstoreInfo> found =
                infos(handler).stream().filter(i -> i.device().equals(device)).toList();
        if (found.size() > 1) {
            List<BackstoreInfo> alive =
                    found.stream().filter(i -> i.state() != BackstoreState.DEAD).toList();
            found = alive.isEmpty() ? found : alive;
        }
        if (found.isEmpty()) {
            throw new StorageException(Errno.ENODEV, "There is no maping for '" + device + "'!");
        }
        if (found.size() > 1) {
            throw new StorageException(
                    Errno.EINVAL,
                    device + " stands for several backstores, mapped on different machines: name one of "
                            + String.join(
                                    ", ", found.stream().map(BackstoreInfo::key).toList()));
        }
        return found.get(0).key();
    }

    @Override
    public List<BackstoreInfo> list(String handler) throws ControlException {
        return infos(handler);
    }

    private List<BackstoreInfo> infos(String handler) {
        return backstores.all().stream()
                .map(Backstore::info)
                .filter(Objects::nonNull)
                .filter(i -> handler.isEmpty() || i.handler().equals(handler))
                .sorted(Comparator.comparing(BackstoreInfo::key))
                .toList();
    }

    @Override
    public List<HandlerInfo> handlers() throws ControlException {
        Set<String> names = new TreeSet<>(handlers.names());
        infos("").forEach(i -> names.add(i.handler()));
        return names.stream().map(this::handler).toList();
    }

    private HandlerInfo handler(String name) {
        HandlerService service = handlers.serving(name).orElse(null);
        List<Backstore> used = watch.inUseOf(name);
        HandlerState state = HandlerState.ABSENT;
        if (service != null) {
            state = used.stream().allMatch(Backstore::isOpen) ? HandlerState.ACTIVE : HandlerState.OPENING;
        }
        return new HandlerInfo(
                name,
                service != null ? service.type() : HandlerTypes.type(name),
                infos(name).size(),
                service != null ? service.origin().version() : "",
                service != null ? service.origin().bundle() : -1,
                state,
                used.size(),
                Math.toIntExact(used.stream().mapToLong(Backstore::inFlight).sum()),
                watch.remark(name));
    }

    private static Cfgstring parse(HandlerService service, String cfgstring) throws StorageException {
        Cfgstring cfg = parse(cfgstring);
        service.checkOptions(cfg);
        return cfg;
    }

    private static Cfgstring parse(String cfgstring) throws StorageException {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(cfgstring)) {
            throw new StorageException(Errno.EINVAL, "the name of the backstore has half a character");
        }
        return Cfgstring.parse(cfgstring);
    }

    private static void checkSize(long size) throws StorageException {
        if (size <= 0) {
            throw new StorageException(
                    Errno.EINVAL, "the size is " + size + " bytes, it must be a positive multiple of " + SECTOR);
        }
        long below = size - size % SECTOR;
        if (below != size) {
            // The largest long is no multiple, and the next one would not fit.
            boolean fits = below <= Long.MAX_VALUE - SECTOR;
            throw new StorageException(
                    Errno.EINVAL,
                    "the size of " + size + " bytes is not a multiple of " + SECTOR + ", the nearest "
                            + (below > 0 && fits
                                    ? "are " + below + " and " + (below + SECTOR)
                                    : "is " + (fits ? SECTOR : below)));
        }
    }

    private static void checkText(String what, String text) throws StorageException {
        if (text.length() > MAX_TEXT || text.chars().anyMatch(Character::isISOControl)) {
            throw new StorageException(
                    Errno.EINVAL, "the " + what + " has control characters or more than " + MAX_TEXT + " characters");
        }
    }

    @FunctionalInterface
    private interface Question<T> {

        T ask() throws StorageException;
    }

    private static <T> T answer(Question<T> question) throws ControlException {
        try {
            return question.ask();
        } catch (StorageException e) {
            throw new ControlException(e.errno(), e.getMessage(), e);
        }
    }
}
