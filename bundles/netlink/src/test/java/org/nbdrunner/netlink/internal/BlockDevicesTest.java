package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.netlink.Device;

class BlockDevicesTest {
    private static final String OWN_MOUNTS = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";

    private FakeMachine machine;
    private BlockDevices devices;

    @BeforeEach
    void boot(@TempDir Path root) {
        machine = new FakeMachine(root);
        devices = new BlockDevices(root);
    }

    private Device only() throws IOException {
        List<Device> all = devices.all();
        assertEquals(1, all.size());
        return all.get(0);
    }

    @Test
    void aMachineWithoutTheModuleHasNone() throws IOException {
        assertEquals(List.of(), devices.all());
        assertFalse(devices.exists(0));
        assertFalse(devices.mapped(0));
        assertEquals("", devices.backend(0));
    }

    @Test
    void listsByNumber() throws IOException {
        for (int index : List.of(10, 2, 0)) {
            machine.device(index);
        }
        machine.write("sys/block/nbdx/size", "1");
        assertEquals(
                List.of("/dev/nbd0", "/dev/nbd2", "/dev/nbd10"),
                devices.all().stream().map(Device::path).toList());
    }

    @Test
    void tellsMappedFromFree() throws IOException {
        machine.device(0);
        machine.write("sys/block/nbd0/size", "8");
        assertEquals(new Device("/dev/nbd0", false, 0, false, false, ""), only());
        machine.map(0, 1 << 20);
        machine.write("sys/block/nbd0/ro", "1\n");
        machine.write("sys/block/nbd0/backend", "file/a\n");
        assertEquals(new Device("/dev/nbd0", true, 1 << 20, true, false, "file/a"), only());
        assertEquals("file/a", devices.backend(0));
        assertTrue(devices.hasSize(0, (1 << 20) + 511));
        assertFalse(devices.hasSize(0, (1 << 20) + 512));
    }

    @Test
    void aDeviceMappedWithoutAnIdentifierHasNoBackend() throws IOException {
        machine.device(0);
        machine.map(0, 1 << 20);
        assertEquals("", only().backend());
    }

    @Test
    void aBackendThatIsNoTextHidesNoDevice() throws IOException {
        machine.device(0);
        machine.map(0, 1 << 20);
        Files.write(machine.root().resolve("sys/block/nbd0/backend"), new byte[] {'a', (byte) 0xfc, '\n'});
        assertEquals("a\ufffd", only().backend());
    }

    @Test
    void findsAMount() throws IOException {
        machine.device(1);
        machine.write(
                "proc/self/mountinfo",
                OWN_MOUNTS + "40 22 43:16 / /mnt/my\\040disk rw - ext4 /dev/mapper/other rw,errors=continue\n");
        assertTrue(only().inUse());
        assertEquals(Optional.of("mounted on /mnt/my disk"), devices.user(1));
    }

    @Test
    void findsAMountThatHidesItsNumber() throws IOException {
        machine.device(1);
        machine.write("proc/self/mountinfo", OWN_MOUNTS + "40 22 0:45 /sub /b rw a:1 b:2 - btrfs /dev/nbd1 rw\n");
        assertEquals(Optional.of("mounted on /b"), devices.user(1));
    }

    @Test
    void findsAMountedPartition() throws IOException {
        machine.device(1);
        machine.write("sys/block/nbd1/nbd1p2/dev", "43:18\n");
        machine.write("proc/self/mountinfo", OWN_MOUNTS + "40 22 43:18 / /p rw - xfs /dev/disk/by-label/p rw\n");
        assertTrue(only().inUse());
        assertEquals(Optional.of("mounted on /p"), devices.user(1));
    }

    @Test
    void findsAMountInAnotherNamespace() throws IOException {
        machine.device(1);
        String mounted = "40 22 43:16 / /there rw - ext4 /dev/nbd1 rw\n";
        machine.process(100, 1, OWN_MOUNTS, List.of());
        machine.process(200, 2, OWN_MOUNTS + mounted, List.of());
        assertEquals(Optional.of("mounted on /there in the mount namespace of process 200"), devices.user(1));
    }

    @Test
    void findsSwap() throws IOException {
        machine.device(1);
        machine.write(
                "proc/swaps",
                "Filename\tType\tSize\tUsed\tPriority\n/dev/nbd1                               partition\t1\t0\t-2\n");
        assertTrue(only().inUse());
        assertEquals(Optional.of("used for swapping"), devices.user(1));
    }

    @Test
    void findsHolders() throws IOException {
        machine.device(1);
        machine.directory("sys/block/nbd1/holders/dm-0");
        machine.write("sys/block/nbd1/nbd1p1/dev", "43:17\n");
        machine.directory("sys/block/nbd1/nbd1p1/holders/md0");
        assertTrue(only().inUse());
        assertEquals(Optional.of("held by dm-0, md0"), devices.user(1));
    }

    @Test
    void findsWhoHasItOpen() throws IOException {
        machine.device(1);
        machine.process(100, 1, OWN_MOUNTS, List.of("pipe:[1]", "/dev/nbd11"));
        assertEquals(Optional.empty(), devices.opener(1));
        machine.process(101, 1, OWN_MOUNTS, List.of("pipe:[1]", "/dev/nbd1"));
        assertEquals(Optional.of("open in process 101 (dd)"), devices.opener(1));
    }

    @Test
    void nobodyUsesADeviceOfAnotherNumber() throws IOException {
        machine.device(1);
        machine.write("proc/self/mountinfo", OWN_MOUNTS + "40 22 43:160 / /m rw - ext4 /dev/nbd10 rw\nnonsense\n");
        machine.write("proc/swaps", "Filename\n/dev/nbd11 partition 1 0 -2\n");
        assertFalse(only().inUse());
        assertEquals(Optional.empty(), devices.user(1));
    }
}
