package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who uses block devices, as {@code /proc} shows it. Processes come and go while it is read, and some may not be looked at: those count
 * as users of nothing.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html">proc_pid_mountinfo(5)</a>
 */
final class DeviceUsers {
    /** ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS [TAG…] - TYPE SOURCE OPTIONS. */
    private static final Pattern MOUNT =
            Pattern.compile("\\S+ \\S+ (\\S+) \\S+ (\\S+) \\S+ (?:\\S+ )*?- \\S+ (\\S+) .*");

    private static final Pattern OCTAL = Pattern.compile("\\\\([0-7]{3})");

    private final Path proc;

    /**
     * A mounted file system.
     *
     * @param number of its device, {@code MAJOR:MINOR}
     * @param source what was mounted
     * @param target where
     */
    record Mount(String number, String source, String target) {}

    /**
     * A view.
     *
     * @param proc {@code /proc}
     */
    DeviceUsers(Path proc) {
        this.proc = proc;
    }

    /**
     * What this process sees mounted.
     *
     * @return in the kernel's order
     * @throws IOException if it cannot be read
     */
    List<Mount> mounts() throws IOException {
        return mounts(proc.resolve("self"));
    }

    /**
     * What is used for swapping.
     *
     * @return paths
     * @throws IOException if it cannot be read
     */
    Set<String> swaps() throws IOException {
        Set<String> paths = new HashSet<>();
        for (String line : lines(proc.resolve("swaps"))) {
            paths.add(unescape(line.split("\\s", 2)[0]));
        }
        return paths;
    }

    /**
     * Where a device is mounted or used for swapping, in any mount namespace.
     *
     * @param device which
     * @return where, in words
     * @throws IOException if {@code /proc} cannot be read
     */
    Optional<String> user(BlockDevice device) throws IOException {
        if (device.swapped(swaps())) {
            return Optional.of("used for swapping");
        }
        Optional<String> here = target(mounts(), device);
        if (here.isPresent()) {
            return here;
        }
        Set<String> namespaces = new HashSet<>();
        namespaces.add(link(proc.resolve("self/ns/mnt")));
        for (Path process : processes()) {
            if (namespaces.add(link(process.resolve("ns/mnt")))) {
                Optional<String> there = target(mountsIfAlive(process), device);
                if (there.isPresent()) {
                    return Optional.of(there.get() + " in the mount namespace of process " + process.getFileName());
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Which process has a device open.
     *
     * @param device which
     * @return the process, in words
     */
    Optional<String> opener(BlockDevice device) {
        for (Path process : processes()) {
            for (Path descriptor : entries(process.resolve("fd"), "*")) {
                if (device.paths().contains(link(descriptor))) {
                    return Optional.of("open in process " + process.getFileName() + command(process));
                }
            }
        }
        return Optional.empty();
    }

    private static Optional<String> target(List<Mount> mounts, BlockDevice device) {
        return mounts.stream().filter(device::mountedBy).findFirst().map(m -> "mounted on " + m.target());
    }

    private static List<Mount> mountsIfAlive(Path process) {
        try {
            return mounts(process);
        } catch (IOException e) {
            return List.of();
        }
    }

    private static List<Mount> mounts(Path process) throws IOException {
        List<Mount> mounts = new ArrayList<>();
        for (String line : lines(process.resolve("mountinfo"))) {
            Matcher m = MOUNT.matcher(line);
            if (m.matches()) {
                mounts.add(new Mount(m.group(1), unescape(m.group(3)), unescape(m.group(2))));
            }
        }
        return mounts;
    }

    private List<Path> processes() {
        return entries(proc, "[1-9]*");
    }

    private static String command(Path process) {
        try {
            return " (" + Files.readString(process.resolve("comm")).strip() + ")";
        } catch (IOException e) {
            return "";
        }
    }

    private static List<Path> entries(Path directory, String glob) {
        List<Path> paths = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, glob)) {
            entries.forEach(paths::add);
        } catch (IOException | DirectoryIteratorException e) {
            return paths;
        }
        return paths;
    }

    /** A name need not be valid UTF-8. */
    private static List<String> lines(Path file) throws IOException {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private static String link(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "";
        }
    }

    private static String unescape(String s) {
        return OCTAL.matcher(s).replaceAll(m -> {
            String c = String.valueOf((char) Integer.parseInt(m.group(1), 8));
            return Matcher.quoteReplacement(c);
        });
    }
}
