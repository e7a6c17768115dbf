package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.nbdrunner.netlink.Device;

/**
 * The kernel's network block devices, as {@code /sys/block} shows them. For use by any thread.
 *
 * @see <a href="https://docs.kernel.org/admin-guide/abi-stable-files.html">ABI/stable/sysfs-block</a>
 */
public final class BlockDevices {
    /** The unit of sizes there, whatever the device's block size. */
    private static final int SECTOR = 512;

    private final Path root;
    private final Path block;

    /**
     * A view.
     *
     * @param root where {@code sys}, {@code proc} and {@code dev} are: {@code /}
     */
    public BlockDevices(Path root) {
        this.root = root;
        block = root.resolve("sys/block");
    }

    /**
     * All of them.
     *
     * @return sorted by number
     * @throws IOException if {@code /sys} or {@code /proc} cannot be read
     */
    public List<Device> all() throws IOException {
        Set<Integer> indexes = new TreeSet<>();
        for (String name : list(block, "nbd[0-9]*")) {
            indexes.add(DeviceName.index("/dev/" + name));
        }
        if (indexes.isEmpty()) {
            return List.of();
        }
        List<Device> devices = new ArrayList<>(indexes.size());
        DeviceUsers users = new DeviceUsers(root.resolve("proc"));
        List<DeviceUsers.Mount> mounts = users.mounts();
        Set<String> swaps = users.swaps();
        for (int index : indexes) {
            if (exists(index)) {
                BlockDevice identity = identity(index);
                boolean inUse = identity.held() || identity.swapped(swaps) || identity.mounted(mounts);
                boolean mapped = mapped(index);
                String path = DeviceName.path(index);
                devices.add(new Device(
                        path,
                        mapped,
                        mapped ? size(index) : 0,
                        read(index, "ro").equals("1"),
                        inUse,
                        mapped ? backend(index) : ""));
            }
        }
        return devices;
    }

    /**
     * Whether the kernel has a device.
     *
     * @param index its number
     * @return true if so
     */
    public boolean exists(int index) {
        return Files.isDirectory(directory(index));
    }

    /**
     * Whether a device is mapped.
     *
     * @param index its number
     * @return true if so
     */
    public boolean mapped(int index) {
        return Files.exists(directory(index).resolve("pid"));
    }

    /**
     * The size of a device.
     *
     * @param index its number
     * @return bytes; 0 if there is no such device
     * @throws IOException if it cannot be read
     */
    long size(int index) throws IOException {
        String sectors = read(index, "size");
        return sectors.isEmpty() ? 0 : Long.parseLong(sectors) * SECTOR;
    }

    /**
     * Whether a device has a size, as far as it can: in whole sectors.
     *
     * @param index its number
     * @param size bytes
     * @return true if so
     * @throws IOException if it cannot be read
     */
    public boolean hasSize(int index, long size) throws IOException {
        return size(index) == size - size % SECTOR;
    }

    /**
     * What a device is mapped to, in the words of who mapped it.
     *
     * @param index its number
     * @return empty if nothing was said, or the kernel is too old to keep it
     * @throws IOException if it cannot be read
     */
    public String backend(int index) throws IOException {
        return read(index, "backend");
    }

    /**
     * Whether a device can be opened by its path.
     *
     * @param index its number
     * @return true if so
     */
    public boolean hasNode(int index) {
        return Files.exists(root.resolve("dev").resolve(DeviceName.name(index)));
    }

    /**
     * Who uses a device, or a partition of it: file systems mounted anywhere, swapping, devices on top of it.
     *
     * @param index its number
     * @return where it is used, in words; empty if nowhere
     * @throws IOException if {@code /sys} or {@code /proc} cannot be read
     */
    public Optional<String> user(int index) throws IOException {
        BlockDevice device = identity(index);
        return device.held()
                ? Optional.of("held by " + String.join(", ", device.holders()))
                : new DeviceUsers(root.resolve("proc")).user(device);
    }

    /**
     * Which process has a device, or a partition of it, open.
     *
     * @param index its number
     * @return the process, in words; empty if none
     * @throws IOException if {@code /sys} cannot be read
     */
    public Optional<String> opener(int index) throws IOException {
        return new DeviceUsers(root.resolve("proc")).opener(identity(index));
    }

    private BlockDevice identity(int index) throws IOException {
        String name = DeviceName.name(index);
        List<String> names = new ArrayList<>(list(directory(index), name + "p*"));
        Set<String> numbers = new HashSet<>();
        Set<String> paths = new HashSet<>();
        List<String> holders = new ArrayList<>(list(directory(index).resolve("holders"), "*"));
        for (String partition : names) {
            numbers.add(read(index, partition + "/dev"));
            paths.add("/dev/" + partition);
            holders.addAll(list(directory(index).resolve(partition).resolve("holders"), "*"));
        }
        numbers.add(read(index, "dev"));
        paths.add("/dev/" + name);
        numbers.remove("");
        return new BlockDevice(numbers, paths, holders);
    }

    private Path directory(int index) {
        return block.resolve(DeviceName.name(index));
    }

    /** A device can go at any time: what is no more there reads as empty. What is no UTF-8 reads as something else, never fails. */
    private String read(int index, String file) throws IOException {
        try {
            return new String(Files.readAllBytes(directory(index).resolve(file)), StandardCharsets.UTF_8).strip();
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    private static List<String> list(Path directory, String glob) throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, glob)) {
            for (Path entry : entries) {
                names.add(entry.getFileName().toString());
            }
        } catch (NoSuchFileException e) {
            return List.of();
        }
        return names;
    }
}
