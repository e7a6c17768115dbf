package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The trees under {@code /sys}, {@code /proc} and {@code /dev} that a machine with network block devices shows. */
public final class FakeMachine {
    private final Path root;

    /**
     * A machine without devices.
     *
     * @param root an empty directory
     */
    public FakeMachine(Path root) {
        this.root = root;
        write("sys/block/sda/size", "1000");
        write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        write("proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
        link("proc/self/ns/mnt", "mnt:[1]");
    }

    /**
     * Where it is.
     *
     * @return the root of its trees
     */
    public Path root() {
        return root;
    }

    /**
     * Adds a device that is not mapped.
     *
     * @param index its number
     */
    public void device(int index) {
        String block = "sys/block/nbd" + index;
        write(block + "/size", "0\n");
        write(block + "/ro", "0\n");
        write(block + "/dev", "43:" + index * 16 + "\n");
        directory(block + "/holders");
        write("dev/nbd" + index, "");
    }

    /**
     * Maps a device.
     *
     * @param index its number
     * @param size bytes
     */
    public void map(int index, long size) {
        write("sys/block/nbd" + index + "/pid", "1234\n");
        write("sys/block/nbd" + index + "/size", size / 512 + "\n");
    }

    /**
     * Unmaps a device.
     *
     * @param index its number
     */
    public void unmap(int index) {
        delete("sys/block/nbd" + index + "/pid");
        write("sys/block/nbd" + index + "/size", "0\n");
    }

    /**
     * Writes a file.
     *
     * @param path below the root
     * @param text all of it
     */
    public void write(String path, String text) {
        run(() -> {
            Path file = root.resolve(path);
            Files.createDirectories(file.getParent());
            Files.write(file, text.getBytes(StandardCharsets.UTF_8));
        });
    }

    /**
     * Deletes a file.
     *
     * @param path below the root
     */
    public void delete(String path) {
        run(() -> Files.deleteIfExists(root.resolve(path)));
    }

    void directory(String path) {
        run(() -> Files.createDirectories(root.resolve(path)));
    }

    void link(String path, String target) {
        run(() -> {
            Path link = root.resolve(path);
            Files.createDirectories(link.getParent());
            Files.createSymbolicLink(link, Path.of(target));
        });
    }

    /**
     * Adds a process.
     *
     * @param pid its number
     * @param namespace the number of its mount namespace
     * @param mounts what is mounted there
     * @param open what it has open
     */
    void process(int pid, int namespace, String mounts, List<String> open) {
        String directory = "proc/" + pid;
        write(directory + "/comm", "dd\n");
        write(directory + "/mountinfo", mounts);
        link(directory + "/ns/mnt", "mnt:[" + namespace + "]");
        directory(directory + "/fd");
        for (int i = 0; i < open.size(); i++) {
            link(directory + "/fd/" + i, open.get(i));
        }
    }

    private interface Action {
        void run() throws IOException;
    }

    private static void run(Action action) {
        try {
            action.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
