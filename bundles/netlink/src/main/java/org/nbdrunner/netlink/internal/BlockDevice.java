package org.nbdrunner.netlink.internal;

import java.util.List;
import java.util.Set;

/**
 * By what a device and its partitions are known where they are used.
 *
 * @param numbers {@code MAJOR:MINOR}
 * @param paths {@code /dev/…}
 * @param holders the names of the devices on top of it
 */
record BlockDevice(Set<String> numbers, Set<String> paths, List<String> holders) {

    /**
     * Whether a device is on top of it.
     *
     * @return true if so
     */
    boolean held() {
        return !holders.isEmpty();
    }

    /**
     * Whether it is used for swapping.
     *
     * @param swaps the paths of all that is
     * @return true if so
     */
    boolean swapped(Set<String> swaps) {
        return swaps.stream().anyMatch(paths::contains);
    }

    /**
     * Whether it is mounted.
     *
     * @param mounts everything that is
     * @return true if so
     */
    boolean mounted(List<DeviceUsers.Mount> mounts) {
        return mounts.stream().anyMatch(this::mountedBy);
    }

    /**
     * Whether it is mounted there. Some file systems, btrfs for one, show a number of their own: hence the path, too.
     *
     * @param mount one of the mounts
     * @return true if so
     */
    boolean mountedBy(DeviceUsers.Mount mount) {
        return numbers.contains(mount.number()) || paths.contains(mount.source());
    }
}
