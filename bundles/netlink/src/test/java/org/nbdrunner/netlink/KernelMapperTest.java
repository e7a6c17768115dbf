package org.nbdrunner.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.guest.MemoryRunner;
import org.nbdrunner.netlink.internal.BlockDevices;
import org.nbdrunner.netlink.internal.Dialer;
import org.nbdrunner.netlink.internal.FakeKernel;
import org.nbdrunner.netlink.internal.FakeMachine;

class KernelMapperTest {
    private static final int SIZE = 1 << 20;
    private static final Duration PLENTY = Duration.ofSeconds(30);
    private static final Duration LITTLE = Duration.ofMillis(50);

    private FakeMachine machine;
    private FakeKernel kernel;
    private MemoryRunner runner;

    @BeforeEach
    void start(@TempDir Path root) throws IOException {
        machine = new FakeMachine(root);
        machine.device(0);
        machine.device(1);
        kernel = new FakeKernel(machine);
        runner = new MemoryRunner("a", SIZE).start();
    }

    @AfterEach
    void nothingIsLeftOpen() throws IOException {
        assertEquals(0, kernel.open());
        runner.close();
    }

    private KernelMapper mapper(Duration kernelTime) {
        return new KernelMapper(
                new BlockDevices(machine.root()), kernel::connection, new Dialer(PLENTY, PLENTY), kernelTime);
    }

    private MapRequest request(String device, long size, String identifier) {
        return new MapRequest("localhost", runner.port(), "a", device, size, 512, 0, false, 3, 60, 1, identifier);
    }

    private static StorageException refused(Errno errno, Executable action) {
        StorageException e = assertThrows(StorageException.class, action);
        assertEquals(errno, e.errno(), e.getMessage());
        return e;
    }

    @Test
    void mapsAnyDevice() throws IOException {
        assertEquals("/dev/nbd0", mapper(PLENTY).map(request("", SIZE, "")));
        assertEquals(List.of("connect 0"), kernel.commands());
    }

    @Test
    void mapsTheDeviceThatWasNamed() throws IOException {
        assertEquals("/dev/nbd1", mapper(PLENTY).map(request("/dev/nbd1", SIZE, "")));
        assertEquals(
                List.of(
                        new Device("/dev/nbd0", false, 0, false, false, ""),
                        new Device("/dev/nbd1", true, SIZE, false, false, "")),
                mapper(PLENTY).devices());
    }

    @Test
    void disturbsNobodyForADeviceThatIsMapped() {
        machine.map(1, SIZE);
        StorageException e = refused(Errno.EBUSY, () -> mapper(PLENTY).map(request("/dev/nbd1", SIZE, "")));
        assertTrue(e.getMessage().contains("/dev/nbd1"), e.getMessage());
        assertEquals(List.of(), kernel.commands());
        assertEquals(0, runner.connections());
    }

    @Test
    void unmapsADeviceThatShowsNoSize() {
        kernel.beLazy();
        refused(Errno.EIO, () -> mapper(LITTLE).map(request("", SIZE, "")));
        assertEquals(List.of("connect 0", "disconnect 0"), kernel.commands());
    }

    @Test
    void unmapsADeviceWithoutANode() {
        machine.delete("dev/nbd0");
        refused(Errno.ENODEV, () -> mapper(LITTLE).map(request("", SIZE, "")));
        assertEquals(List.of("connect 0", "disconnect 0"), kernel.commands());
    }

    @Test
    void tellsTheKernelNothingIfTheRunnerRefuses() {
        MapRequest unknown = new MapRequest("localhost", runner.port(), "b", "", SIZE, 512, 0, false, 3, 60, 1, "");
        refused(Errno.EINVAL, () -> mapper(PLENTY).map(unknown));
        assertEquals(List.of(), kernel.commands());
    }

    @Test
    void passesOnWhatTheKernelRefuses() {
        kernel.refuse(Errno.EPERM);
        refused(Errno.EPERM, () -> mapper(PLENTY).map(request("", SIZE, "")));
        assertEquals(List.of("connect 0"), kernel.commands());
    }

    @Test
    void reconnects() throws IOException {
        machine.map(1, SIZE);
        machine.write("sys/block/nbd1/backend", "file/a\n");
        mapper(PLENTY).reconnect(request("/dev/nbd1", SIZE, "file/a"));
        assertEquals(List.of("reconfigure 1"), kernel.commands());
    }

    @Test
    void takesOverANewSizeWhenItReconnects() throws IOException {
        machine.map(1, SIZE / 2);
        mapper(PLENTY).reconnect(request("/dev/nbd1", SIZE, ""));
        assertEquals(List.of("reconfigure 1", "reconfigure 1"), kernel.commands());
        assertEquals(SIZE, mapper(PLENTY).devices().get(1).size());
    }

    @Test
    void neverReconnectsToAnotherBackstore() {
        machine.map(1, SIZE);
        machine.write("sys/block/nbd1/backend", "file/b\n");
        StorageException e =
                refused(Errno.EINVAL, () -> mapper(PLENTY).reconnect(request("/dev/nbd1", SIZE, "file/a")));
        assertEquals("/dev/nbd1 is mapped to file/b, not to file/a", e.getMessage());
        assertEquals(List.of(), kernel.commands());
    }

    @Test
    void changesOnlyWhatIsMapped() {
        KernelMapper mapper = mapper(PLENTY);
        refused(Errno.ENOTCONN, () -> mapper.reconnect(request("/dev/nbd1", SIZE, "")));
        refused(Errno.ENOTCONN, () -> mapper.disconnect("/dev/nbd1"));
        refused(Errno.ENOTCONN, () -> mapper.resize("/dev/nbd1", SIZE));
        refused(Errno.ENODEV, () -> mapper.disconnect("/dev/nbd2"));
        for (String name :
                List.of("", "nbd1", "/dev/nbd", "/dev/nbd01", "/dev/nbd1p1", "/dev/nbd99999999999", "/dev/sda")) {
            refused(Errno.EINVAL, () -> mapper.disconnect(name));
        }
        assertEquals(List.of(), kernel.commands());
    }

    @Test
    void resizes() throws IOException {
        machine.map(1, SIZE);
        mapper(PLENTY).resize("/dev/nbd1", 2L * SIZE);
        assertEquals(2L * SIZE, mapper(PLENTY).devices().get(1).size());
    }

    @Test
    void disconnects() throws IOException {
        machine.map(1, SIZE);
        mapper(PLENTY).disconnect("/dev/nbd1");
        assertEquals(List.of("disconnect 1"), kernel.commands());
    }

    @Test
    void leavesAMountedDeviceAlone() {
        machine.map(1, SIZE);
        machine.write("proc/self/mountinfo", "40 22 43:16 / /data rw - ext4 /dev/nbd1 rw\n");
        StorageException e = refused(Errno.EBUSY, () -> mapper(PLENTY).disconnect("/dev/nbd1"));
        assertEquals("/dev/nbd1 is in use: mounted on /data", e.getMessage());
        assertEquals(List.of(), kernel.commands());
    }

    @Test
    void tellsOfADeviceThatTheKernelDoesNotLetGo() {
        machine.map(1, SIZE);
        kernel.holdOpen();
        StorageException e = refused(Errno.EBUSY, () -> mapper(LITTLE).disconnect("/dev/nbd1"));
        assertTrue(e.getMessage().contains("holds it open"), e.getMessage());
    }
}
