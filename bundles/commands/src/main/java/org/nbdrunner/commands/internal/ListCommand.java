package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.commands.Environment;
import org.nbdrunner.netlink.Device;

/** list: the kernel's devices and the runner's backstores, joined where a backstore is mapped here. */
final class ListCommand {
    private static final Set<String> DEVICE_STATES = Set.of("inuse", "free", "map", "unmap");
    private static final Set<String> STATES = Set.of("inuse", "free", "map", "unmap", "create", "dead", "live", "all");

    private final Environment environment;
    private final String handler;

    ListCommand(Environment environment, String handler) {
        this.environment = environment;
        this.handler = handler;
    }

    /** A device, a backstore, or both. */
    private record Row(Device device, BackstoreInfo backstore) {}

    void run(List<String> words, String help) throws UsageException, ControlException, IOException {
        Words w = Words.parse(words, Set.of(), Set.of(), 0, 1, help);
        String state = w.plain(0).isEmpty() ? "all" : w.plain(0);
        if (!STATES.contains(state)) {
            throw new UsageException("there is no state " + state, help);
        }
        List<Row> rows = new ArrayList<>();
        for (Row row : join(
                backstores(environment.control(w.host()), state),
                environment.mapper().devices())) {
            if (wanted(state, row)) {
                rows.add(row);
            }
        }
        if (w.json()) {
            json(rows);
        } else {
            table(rows);
        }
    }

    /** Of the kernel's devices something can be said without a runner too. */
    private List<BackstoreInfo> backstores(Control control, String state) throws ControlException {
        try {
            return control.list(handler);
        } catch (ControlException e) {
            if (!DEVICE_STATES.contains(state)) {
                throw e;
            }
            environment.complain("what the devices are mapped to is not known: " + e.getMessage());
            return List.of();
        }
    }

    private static List<Row> join(List<BackstoreInfo> backstores, List<Device> devices) {
        Map<String, Device> free = new LinkedHashMap<>();
        devices.forEach(d -> free.put(d.path(), d));
        List<BackstoreInfo> liveFirst = new ArrayList<>(backstores);
        liveFirst.sort(Comparator.comparing(b -> b.state() == BackstoreState.DEAD));
        Map<BackstoreInfo, Device> taken = new HashMap<>();
        for (BackstoreInfo b : liveFirst) {
            Device d = free.get(b.device());
            if (d != null && Devices.mayServe(d, b.handler(), b.key())) {
                taken.put(b, free.remove(b.device()));
            }
        }
        List<Row> rows = new ArrayList<>();
        backstores.forEach(b -> rows.add(new Row(taken.get(b), b)));
        Map<Device, Row> byDevice = new HashMap<>();
        rows.forEach(r -> byDevice.put(r.device(), r));
        List<Row> sorted = new ArrayList<>();
        for (Device d : devices) {
            sorted.add(byDevice.getOrDefault(d, new Row(d, null)));
        }
        for (Row r : rows) {
            if (r.device() == null) {
                sorted.add(r);
            }
        }
        return sorted;
    }

    private static boolean wanted(String state, Row row) {
        Device d = row.device();
        BackstoreState s = row.backstore() == null ? null : row.backstore().state();
        return switch (state) {
            case "inuse", "map" -> d != null && d.connected();
            case "free", "unmap" -> d != null && !d.connected();
            case "create" -> s == BackstoreState.CREATED;
            case "dead" -> s == BackstoreState.DEAD;
            case "live" -> s == BackstoreState.MAPPED;
            default -> true;
        };
    }

    private void table(List<Row> rows) {
        Table table = new Table(
                "DEVICE", "DEVICE-STATE", "MAPPED-SINCE", "STATE", "SIZE", "READ-ONLY", "TIMEOUT", "BACKSTORE");
        for (Row r : rows) {
            BackstoreInfo b = r.backstore();
            String device = r.device() != null ? r.device().path() : dash(b.device());
            String deviceState = r.device() == null ? "-" : r.device().connected() ? "inuse" : "free";
            if (b == null) {
                table.add(device, deviceState, "-", "-", "-", "-", "-", "-");
            } else {
                table.add(
                        device,
                        deviceState,
                        dash(b.mapTime()),
                        b.state().text(),
                        Size.show(b.size()),
                        b.readOnly() ? "yes" : "no",
                        b.timeout() == 0 ? "-" : "" + b.timeout(),
                        b.handler() + "/" + b.key());
            }
        }
        table.print(environment.out());
    }

    private static String dash(String s) {
        return s.isEmpty() ? "-" : s;
    }

    private void json(List<Row> rows) {
        StringBuilder s = new StringBuilder("[");
        for (Row r : rows) {
            Map<String, Object> members = r.backstore() == null ? new LinkedHashMap<>() : members(r.backstore());
            if (r.device() != null) {
                members.put("device", r.device().path());
                members.put("connected", r.device().connected());
            }
            s.append(s.length() > 1 ? ",\n" : "").append(Json.object(members));
        }
        environment.out().println(s.append(']'));
    }

    /** A backstore's members in JSON; sizes are bytes, times as they were reported. */
    static Map<String, Object> members(BackstoreInfo b) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("handler", b.handler());
        m.put("backstore", b.key());
        m.put("state", b.state().text());
        m.put("device", b.device());
        m.put("mapped_since", b.mapTime());
        m.put("size", b.size());
        m.put("block_size", b.blockSize());
        m.put("timeout", b.timeout());
        m.put("readonly", b.readOnly());
        m.put("prealloc", b.preallocated());
        return m;
    }
}
