package org.nbdrunner.netlink.guest;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.Device;
import org.nbdrunner.netlink.KernelMapper;
import org.nbdrunner.netlink.LinkListener;
import org.nbdrunner.netlink.MapRequest;

/**
 * Checks the mapper against a real kernel. Run as root in a guest of its own, with {@code nbd.ko} loaded with {@code nbds_max=0}. Prints
 * a line for every check; exits with 1 at the first that fails.
 */
public final class GuestCheck {
    private static final int SIZE = 16 << 20;
    private static final int BLOCK = 512;
    private static final String NAME = "disks/a";
    private static final int FLAGS = TransmissionFlags.HAS_FLAGS
            | TransmissionFlags.SEND_FLUSH
            | TransmissionFlags.SEND_FUA
            | TransmissionFlags.CAN_MULTI_CONN;

    private final KernelMapper mapper = new KernelMapper();
    private final BlockingQueue<String> dead = new LinkedBlockingQueue<>();
    private final MemoryRunner runner;

    private GuestCheck(MemoryRunner runner) {
        this.runner = runner;
    }

    /**
     * Checks.
     *
     * @param args none, or {@code unprivileged} for the check that is to be run as an ordinary user
     * @throws Exception if a check fails
     */
    public static void main(String[] args) throws Exception {
        try (MemoryRunner runner = new MemoryRunner(NAME, SIZE).start()) {
            GuestCheck check = new GuestCheck(runner);
            if (args.length == 0) {
                check.privileged();
            } else {
                check.unprivileged();
            }
        }
        System.exit(0);
    }

    private void unprivileged() throws IOException {
        String text = refused(Errno.EPERM, () -> mapper.map(request("", 1, false)));
        check("an ordinary user is told to be root", text.contains("root"));
        check("an ordinary user may look at the devices", mapper.devices().isEmpty());
    }

    private void privileged() throws Exception {
        check("no devices to begin with", mapper.devices().isEmpty());
        refusals();
        String device = mapper.map(request("", 1, false));
        check("any free device", device.equals("/dev/nbd0"));
        properties();
        inputAndOutput(device);
        inUse(device);
        death(device);
        resize(device);
        unmap(device);
        severalConnections();
        readOnly();
        withoutModule();
    }

    private void refusals() throws IOException {
        MapRequest good = request("", 1, false);
        MapRequest unknown =
                new MapRequest(good.host(), good.port(), "disks/b", "", SIZE, BLOCK, FLAGS, false, 3, 60, 1, "dummy/b");
        check(
                "the runner's words",
                refused(Errno.EINVAL, () -> mapper.map(unknown)).equals("no such backstore"));
        MapRequest blocks =
                new MapRequest(good.host(), good.port(), NAME, "", SIZE, 1 << 20, FLAGS, false, 3, 60, 1, "dummy/a");
        check(
                "the kernel's refusal names what it did not take",
                refused(Errno.EINVAL, () -> mapper.map(blocks)).contains("blocks of 1048576"));
        check(
                "no such device",
                refused(Errno.ENODEV, () -> mapper.disconnect("/dev/nbd77")).contains("/dev/nbd77"));
        check(
                "not a device",
                refused(Errno.EINVAL, () -> mapper.disconnect("/dev/sda")).contains("/dev/sda"));
        await("no connection is left behind", () -> runner.connections() == 0);
        check("no device is mapped", mapper.devices().stream().noneMatch(Device::connected));
    }

    private void properties() throws IOException {
        check("size", read("/sys/block/nbd0/size").equals(String.valueOf(SIZE / 512)));
        check("write cache", read("/sys/block/nbd0/queue/write_cache").equals("write back"));
        check("FUA", read("/sys/block/nbd0/queue/fua").equals("1"));
        check("writable", read("/sys/block/nbd0/ro").equals("0"));
        check(
                "logical block size",
                read("/sys/block/nbd0/queue/logical_block_size").equals("512"));
        check("timeout", read("/sys/block/nbd0/queue/io_timeout").equals("3000"));
        check("backend", read("/sys/block/nbd0/backend").equals("dummy/a"));
        check("listed", nbd0().equals(new Device("/dev/nbd0", true, SIZE, false, false, "dummy/a")));
        check(
                "mapped once only",
                refused(Errno.EBUSY, () -> mapper.map(request("/dev/nbd0", 1, false)))
                        .contains("/dev/nbd0"));
        check("its connection is undisturbed", runner.connections() == 1);
    }

    private void inputAndOutput(String device) throws Exception {
        Path pattern = pattern(1);
        dd("if=" + pattern, "of=" + device, "bs=64k", "oflag=direct");
        byte[] expected = Files.readAllBytes(pattern);
        check("what was written is there", Arrays.equals(runner.content(0, expected.length), expected));
        Path back = Path.of("/tmp/back");
        dd("if=" + device, "of=" + back, "bs=512", "count=" + expected.length / 512, "iflag=direct");
        check("what is read is what was written", Files.mismatch(pattern, back) == -1);

        int flushes = runner.flushes();
        dd("if=" + pattern, "of=" + device, "bs=64k", "conv=fsync");
        check("fsync flushes", runner.flushes() > flushes);
        int forced = runner.forced();
        dd("if=" + pattern, "of=" + device, "bs=64k", "count=1", "oflag=direct,dsync");
        check("dsync forces", runner.forced() > forced);
    }

    private void inUse(String device) throws Exception {
        run("mkfs.ext4", "-q", "-F", device);
        run("mkdir", "-p", "/tmp/mnt");
        run("mount", device, "/tmp/mnt");
        check("a mounted device is in use", nbd0().inUse());
        check("and not unmapped", disconnectRefused(device).contains("mounted on /tmp/mnt"));
        Files.writeString(Path.of("/tmp/mnt/file"), "still works");
        run("umount", "/tmp/mnt");

        Process other = start("unshare", "-m", "sh", "-c", "mount " + device + " /tmp/mnt && exec sleep 1000");
        await(
                "another namespace mounts it",
                () -> Files.readString(Path.of("/proc/" + other.pid() + "/mountinfo"))
                        .contains(device));
        check("mounted elsewhere is not unmapped", disconnectRefused(device).contains("namespace of process"));
        end(other);

        Process reader = new ProcessBuilder("sleep", "1000")
                .redirectInput(new File(device))
                .start();
        check("an open device is not unmapped", disconnectRefused(device).contains("open in process " + reader.pid()));
        end(reader);

        run("mkswap", "--quiet", device);
        run("swapon", device);
        check("swap is in use", nbd0().inUse());
        check("swap is not unmapped", disconnectRefused(device).contains("swapping"));
        run("swapoff", device);
        check("no longer in use", !nbd0().inUse());
    }

    private void death(String device) throws Exception {
        MapRequest same = request(device, 1, false);
        check(
                "a living connection is not replaced",
                refused(Errno.EBUSY, () -> mapper.reconnect(same)).contains("none to replace"));
        MapRequest other =
                new MapRequest(same.host(), same.port(), NAME, device, SIZE, BLOCK, FLAGS, false, 3, 60, 1, "dummy/b");
        check(
                "nor one to another backstore",
                refused(Errno.EINVAL, () -> mapper.reconnect(other)).contains("is mapped to dummy/a"));

        Path pattern = pattern(2);
        Closeable watch = watch();
        runner.close();
        check("the death is told", device.equals(dead.poll(20, TimeUnit.SECONDS)));
        Process writer = start("dd", "status=none", "if=" + pattern, "of=" + device, "bs=64k", "oflag=direct");
        refused(Errno.ECONNREFUSED, () -> mapper.reconnect(same));
        check("the writer waits", writer.isAlive());
        runner.start();
        mapper.reconnect(same);
        check("the writer never noticed", writer.waitFor() == 0);
        watch.close();
        byte[] expected = Files.readAllBytes(pattern);
        check("and all that it wrote is there", Arrays.equals(runner.content(0, expected.length), expected));
    }

    private void resize(String device) throws Exception {
        mapper.resize(device, SIZE / 2);
        check("smaller", nbd0().size() == SIZE / 2);
        mapper.resize(device, SIZE);
        check("larger", nbd0().size() == SIZE);
        dd("if=" + device, "of=/dev/null", "bs=64k", "iflag=direct");
    }

    private void unmap(String device) throws IOException {
        int goodbyes = runner.goodbyes();
        mapper.disconnect(device);
        await("the runner is told", () -> runner.goodbyes() > goodbyes && runner.connections() == 0);
        check("free again", nbd0().equals(new Device(device, false, 0, false, false, "")));
        check(
                "unmapped once only",
                refused(Errno.ENOTCONN, () -> mapper.disconnect(device)).contains("not mapped"));
        refused(Errno.ENOTCONN, () -> mapper.reconnect(request(device, 1, false)));
        refused(Errno.ENOTCONN, () -> mapper.resize(device, SIZE));
    }

    private void severalConnections() throws Exception {
        String device = mapper.map(request("/dev/nbd7", 3, false));
        check("the device that was asked for", device.equals("/dev/nbd7"));
        check("three connections", runner.connections() == 3);
        Closeable watch = watch();
        runner.cutOne();
        check("one death is told", device.equals(dead.poll(20, TimeUnit.SECONDS)));
        dd("if=" + pattern(3), "of=" + device, "bs=64k", "oflag=direct");
        check("two go on", runner.connections() == 2);
        mapper.reconnect(request(device, 1, false));
        check("three again", runner.connections() == 3);
        dd("if=" + device, "of=/dev/null", "bs=64k", "iflag=direct");
        watch.close();
        mapper.disconnect(device);
        check("after its end a watch tells nothing", dead.isEmpty());
    }

    private void readOnly() throws Exception {
        String device = mapper.map(request("/dev/nbd0", 1, true));
        check("listed as read-only", nbd0().readOnly());
        Process writer = start("dd", "status=none", "if=/dev/zero", "of=" + device, "bs=4k", "count=1", "conv=fsync");
        check("writes are refused", writer.waitFor() != 0);
        dd("if=" + device, "of=/dev/null", "bs=64k", "count=1", "iflag=direct");
        mapper.disconnect(device);
        check("writable when mapped so", !mapAndList().readOnly());
    }

    private void withoutModule() throws Exception {
        run("rmmod", "nbd");
        check("without the module there are no devices", mapper.devices().isEmpty());
        String text = refused(Errno.ENODEV, () -> mapper.map(request("", 1, false)));
        check("without the module the remedy is named", text.contains("modprobe nbd"));
        check("the runner heard nothing", runner.connections() == 0);
    }

    private Device mapAndList() throws IOException {
        mapper.map(request("/dev/nbd0", 1, false));
        Device listed = nbd0();
        mapper.disconnect("/dev/nbd0");
        return listed;
    }

    private MapRequest request(String device, int connections, boolean readOnly) {
        return new MapRequest(
                "localhost", runner.port(), NAME, device, SIZE, BLOCK, FLAGS, readOnly, 3, 60, connections, "dummy/a");
    }

    private Closeable watch() throws IOException {
        dead.clear();
        return mapper.watch(new LinkListener() {
            @Override
            public void connectionDied(String device) {
                dead.add(device);
            }

            @Override
            public void watchFailed(IOException cause) {
                dead.add(cause.toString());
            }
        });
    }

    private Device nbd0() throws IOException {
        return mapper.devices().get(0);
    }

    private String disconnectRefused(String device) throws IOException {
        return refused(Errno.EBUSY, () -> mapper.disconnect(device));
    }

    private interface Action {
        void run() throws IOException;
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static String refused(Errno errno, Action action) throws IOException {
        try {
            action.run();
        } catch (StorageException e) {
            if (e.errno() != errno) {
                throw e;
            }
            System.out.println("   refused: " + e.getMessage());
            return e.getMessage();
        }
        throw new AssertionError("not refused");
    }

    private static void check(String what, boolean ok) {
        System.out.println((ok ? "ok " : "FAILED ") + what);
        if (!ok) {
            System.exit(1);
        }
    }

    private static void await(String what, Condition condition) throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                check(what, false);
            }
            pause();
        }
        check(what, true);
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static Path pattern(int seed) throws IOException {
        byte[] bytes = new byte[1 << 20];
        new Random(seed).nextBytes(bytes);
        return Files.write(Path.of("/tmp/pattern" + seed), bytes);
    }

    private static void dd(String... args) throws Exception {
        run("dd", "status=none", args);
    }

    private static void run(String program, String first, String... more) throws Exception {
        String[] command = new String[2 + more.length];
        command[0] = program;
        command[1] = first;
        System.arraycopy(more, 0, command, 2, more.length);
        int status = start(command).waitFor();
        if (status != 0) {
            check(String.join(" ", List.of(command)) + " ended with " + status, false);
        }
    }

    private static Process start(String... command) throws IOException {
        return new ProcessBuilder(command).inheritIO().start();
    }

    private static void end(Process process) throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private static String read(String file) throws IOException {
        return Files.readString(Path.of(file)).strip();
    }
}
