package org.nbdrunner.commands;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.netlink.Device;
import org.nbdrunner.netlink.MapRequest;
import org.nbdrunner.netlink.Mapper;

/** A runner, a kernel and a terminal that write down, in one list, what they are asked in which order. */
final class Fakes implements Environment {
    final List<String> calls = new ArrayList<>();
    final List<BackstoreInfo> backstores = new ArrayList<>();
    final List<HandlerInfo> handlers = new ArrayList<>();
    final List<Device> devices = new ArrayList<>();
    final List<MapRequest> requests = new ArrayList<>();

    Premapped premapped = new Premapped("", "192.0.2.1", 24111, 1 << 20, 512, 0x6d, 1);
    String device = "/dev/nbd4";
    String unmapped = "";
    String resized = "";
    String outcome = "file 1.2.0";
    ControlException refusal;
    String refused = "";
    Throwable mapFailure;
    IOException disconnectFailure;
    boolean terminal;
    List<String> handlerNames = List.of("dummy", "file");

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
    private final PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8);

    int run(String... words) {
        return new Commands(this).run(List.of(words));
    }

    /** Lets an operation of control be refused. */
    Fakes refuse(String operation, Errno errno, String text) {
        refused = operation;
        refusal = new ControlException(errno, text);
        return this;
    }

    String outText() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String errText() {
        return err.toString(StandardCharsets.UTF_8);
    }

    static BackstoreInfo backstore(String handler, String key, BackstoreState state, String device, long size) {
        boolean mapped = !device.isEmpty();
        return new BackstoreInfo(
                handler,
                1001,
                key,
                state,
                device,
                mapped ? "2026-01-02 03:04:05" : "",
                size,
                512,
                mapped ? 30 : 0,
                false,
                false);
    }

    @Override
    public Control control(String host) {
        if (!host.isEmpty()) {
            calls.add("host " + host);
        }
        return new FakeControl();
    }

    @Override
    public HandlerAdmin handlerAdmin(String host) {
        if (!host.isEmpty()) {
            calls.add("host " + host);
        }
        return new FakeAdmin();
    }

    @Override
    public Mapper mapper() {
        return new FakeMapper();
    }

    @Override
    public List<String> handlers() {
        return handlerNames;
    }

    @Override
    public PrintStream out() {
        return outStream;
    }

    @Override
    public PrintStream err() {
        return errStream;
    }

    @Override
    public boolean terminal() {
        return terminal;
    }

    private void call(String operation, Object... arguments) throws ControlException {
        StringBuilder s = new StringBuilder(operation);
        for (Object a : arguments) {
            s.append(' ').append(a.equals("") ? "''" : a);
        }
        calls.add(s.toString());
        if (operation.equals(refused)) {
            throw refusal;
        }
    }

    private final class FakeControl implements Control {
        @Override
        public void create(String handler, String cfg, long size, boolean preallocate, ProgressListener progress)
                throws ControlException {
            call("create", handler, cfg, size, preallocate);
            progress.progress(size / 2, size);
            progress.progress(size, size);
        }

        @Override
        public void delete(String handler, String cfg) throws ControlException {
            call("delete", handler, cfg);
        }

        @Override
        public String resize(String handler, String cfg, long size, boolean force) throws ControlException {
            call("resize", handler, cfg, size, force);
            return resized;
        }

        @Override
        public Premapped premap(String handler, String cfg, boolean readOnly, int timeout) throws ControlException {
            call("premap", handler, cfg, readOnly, timeout);
            return premapped;
        }

        @Override
        public void postmap(String handler, String cfg, String device, String mapTime) throws ControlException {
            String time = mapTime.isEmpty() ? "''" : mapTime.replaceAll("[0-9]", "9");
            call("postmap", handler, cfg, device, time);
        }

        @Override
        public String unmap(String handler, String cfg, String device) throws ControlException {
            call("unmap", handler, cfg, device);
            return unmapped;
        }

        @Override
        public List<BackstoreInfo> list(String handler) throws ControlException {
            call("list", handler);
            return backstores.stream()
                    .filter(b -> handler.isEmpty() || handler.equals(b.handler()))
                    .toList();
        }

        @Override
        public List<HandlerInfo> handlers() throws ControlException {
            call("handlers");
            return handlers;
        }
    }

    private final class FakeAdmin implements HandlerAdmin {
        @Override
        public String install(Path bundle) throws ControlException {
            call("install", bundle);
            return outcome;
        }

        @Override
        public String upgrade(Path bundle) throws ControlException {
            call("upgrade", bundle);
            return outcome;
        }

        @Override
        public String add(String feature) throws ControlException {
            call("add", feature);
            return outcome;
        }

        @Override
        public void remove(String handler, boolean force) throws ControlException {
            call("remove", handler, force);
        }
    }

    private final class FakeMapper implements Mapper {
        private void fail() throws IOException {
            if (mapFailure instanceof IOException e) {
                throw e;
            } else if (mapFailure instanceof Error e) {
                throw e;
            } else if (mapFailure != null) {
                throw (RuntimeException) mapFailure;
            }
        }

        @Override
        public List<Device> devices() {
            return devices;
        }

        @Override
        public String map(MapRequest request) throws IOException {
            calls.add("MAP " + request.device());
            requests.add(request);
            fail();
            return device;
        }

        @Override
        public void reconnect(MapRequest request) throws IOException {
            calls.add("RECONNECT " + request.device());
            requests.add(request);
            fail();
        }

        @Override
        public void resize(String path, long size) throws IOException {
            calls.add("RESIZE " + path + " " + size);
            fail();
        }

        @Override
        public void disconnect(String path) throws IOException {
            calls.add("DISCONNECT " + path);
            if (disconnectFailure != null) {
                throw disconnectFailure;
            }
        }
    }
}
