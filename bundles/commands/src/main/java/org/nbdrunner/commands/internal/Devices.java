package org.nbdrunner.commands.internal;

import java.io.IOException;
import org.nbdrunner.netlink.Device;
import org.nbdrunner.netlink.Mapper;

/** Looks for one device among the kernel's. */
final class Devices {
    private Devices() {}

    /** The device; null if the kernel has none of this name. */
    static Device find(Mapper mapper, String path) throws IOException {
        for (Device d : mapper.devices()) {
            if (d.path().equals(path)) {
                return d;
            }
        }
        return null;
    }

    static boolean isConnected(Mapper mapper, String path) throws IOException {
        Device d = find(mapper, path);
        return d != null && d.connected();
    }

    /** Whether a device may be mapped to a backstore: it is, or the kernel does not tell what to. */
    static boolean mayServe(Device device, String handler, String key) {
        return device.backend().isEmpty() || device.backend().equals(handler + "/" + key);
    }
}
