package org.nbdrunner.netlink.internal;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Names of network block devices, and their numbers. */
public final class DeviceName {
    /** Numbers that fit an int; which of them exist the kernel knows. */
    private static final Pattern PATH = Pattern.compile("/dev/nbd(0|[1-9][0-9]{0,8})");

    private DeviceName() {}

    /**
     * The number of a device.
     *
     * @param path {@code /dev/nbdX}
     * @return X
     * @throws StorageException {@link Errno#EINVAL} if that is not such a name
     */
    public static int index(String path) throws StorageException {
        Matcher m = PATH.matcher(path);
        if (!m.matches()) {
            throw new StorageException(
                    Errno.EINVAL, "\"" + path + "\" is not a network block device: name it like /dev/nbd0");
        }
        return Integer.parseInt(m.group(1));
    }

    /**
     * The path of a device.
     *
     * @param index its number
     * @return {@code /dev/nbdX}
     */
    public static String path(int index) {
        return "/dev/" + name(index);
    }

    /**
     * The name of a device, as the kernel has it.
     *
     * @param index its number
     * @return {@code nbdX}
     */
    static String name(int index) {
        return "nbd" + index;
    }
}
