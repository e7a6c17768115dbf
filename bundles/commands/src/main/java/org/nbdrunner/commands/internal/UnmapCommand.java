package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.commands.Environment;
import org.nbdrunner.netlink.Device;

/**
 * unmap: refuses what is mounted here or mapped elsewhere, announces, disconnects.
 *
 * <p>Machines do not share device names: a backstore that is mapped to {@code /dev/nbd0} may be mapped to another machine's.
 */
final class UnmapCommand {
    private final Environment environment;
    private final String handler;

    UnmapCommand(Environment environment, String handler) {
        this.environment = environment;
        this.handler = handler;
    }

    void run(List<String> words, String help) throws UsageException, ControlException, IOException {
        Words w = Words.parse(words, Set.of(), Set.of(), 1, 1, help);
        String name = w.plain(0);
        if (name.startsWith("/dev/nbd")) {
            unmapDevice(environment.control(w.host()), name);
        } else {
            unmapBackstore(environment.control(w.host()), name);
        }
    }

    private void unmapBackstore(Control control, String cfg) throws ControlException, IOException {
        String key = Cfgstring.parse(cfg).key();
        String device = "";
        for (BackstoreInfo b : control.list(handler)) {
            if (b.key().equals(key)) {
                check(b);
                device = b.device();
            }
        }
        String announced = control.unmap(handler, cfg, "");
        disconnect(announced.isEmpty() ? device : announced, key);
    }

    private void unmapDevice(Control control, String device) throws ControlException, IOException {
        BackstoreInfo backstore = mappedTo(control, device);
        if (backstore != null) {
            check(backstore);
        }
        // Where none is meant for certain, the runner says why.
        String key = backstore == null ? "" : backstore.key();
        control.unmap(handler, key, device);
        disconnect(device, key);
    }

    /** The backstore that a device of this machine stands for; null if there is none, or more than one may be meant. */
    private BackstoreInfo mappedTo(Control control, String device) throws ControlException, IOException {
        List<BackstoreInfo> found = control.list(handler).stream()
                .filter(b -> b.device().equals(device))
                .toList();
        Device here = Devices.find(environment.mapper(), device);
        if (here != null && !here.backend().isEmpty()) {
            for (BackstoreInfo b : found) {
                if (Devices.mayServe(here, handler, b.key())) {
                    return b;
                }
            }
        }
        List<BackstoreInfo> live =
                found.stream().filter(b -> b.state() != BackstoreState.DEAD).toList();
        List<BackstoreInfo> meant = live.isEmpty() ? found : live;
        return meant.size() == 1 ? meant.get(0) : null;
    }

    private void check(BackstoreInfo backstore) throws IOException {
        String device = backstore.device();
        Device here = Devices.find(environment.mapper(), device);
        boolean ours = here != null && Devices.mayServe(here, handler, backstore.key());
        if (ours && here.inUse()) {
            throw new StorageException(Errno.EBUSY, device + " is mounted or otherwise in use: unmount it first");
        }
        if (backstore.state() == BackstoreState.MAPPED && !(ours && here.connected())) {
            throw new StorageException(
                    Errno.EBUSY, backstore.key() + " is mapped to " + device + " of another machine: unmap it there");
        }
    }

    private void disconnect(String device, String key) throws IOException {
        Device here = Devices.find(environment.mapper(), device);
        if (here != null && here.connected() && Devices.mayServe(here, handler, key)) {
            environment.mapper().disconnect(device);
        }
    }
}
