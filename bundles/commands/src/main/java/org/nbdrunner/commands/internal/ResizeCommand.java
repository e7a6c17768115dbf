package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

/** resize: has the backstore resized, and then the device of this machine that it is mapped to. */
final class ResizeCommand {
    private final Environment environment;
    private final String handler;

    ResizeCommand(Environment environment, String handler) {
        this.environment = environment;
        this.handler = handler;
    }

    void run(List<String> words, String help) throws UsageException, ControlException, IOException {
        Words w = Words.parse(words, Set.of("size"), Set.of("force"), 1, 1, help);
        long size = Size.of(w, help);
        String cfg = w.plain(0);
        String key = Cfgstring.parse(cfg).key();
        Control control = environment.control(w.host());
        String device = control.resize(handler, cfg, size, w.has("force"));
        String followed = "";
        if (!device.isEmpty()) {
            if (isHere(control, key, device)) {
                follow(key, device, size);
                followed = device;
            } else {
                environment.complain(key + " is resized; " + device
                        + ", which is not connected on this machine, keeps its size until this command is"
                        + " given on its own machine, or it is mapped again");
            }
        }
        if (w.json()) {
            Map<String, Object> members = new LinkedHashMap<>();
            members.put("backstore", key);
            members.put("size", size);
            members.put("device", followed);
            environment.out().println(Json.object(members));
        }
    }

    /** Whether it is this machine's device that the backstore is mapped to: others may have one of the same name. */
    private boolean isHere(Control control, String key, String device) throws ControlException, IOException {
        Device here = Devices.find(environment.mapper(), device);
        return here != null
                && here.connected()
                && Devices.mayServe(here, handler, key)
                && control.list(handler).stream().anyMatch(b -> isMapped(b, key));
    }

    private static boolean isMapped(BackstoreInfo b, String key) {
        return b.key().equals(key) && b.state() == BackstoreState.MAPPED;
    }

    private void follow(String key, String device, long size) throws StorageException {
        try {
            environment.mapper().resize(device, size);
        } catch (IOException e) {
            throw new StorageException(
                    Errno.of(e),
                    key + " is resized, but not " + device
                            + ", which keeps its size until this command is given again: " + Errno.describe(e),
                    e);
        }
    }
}
