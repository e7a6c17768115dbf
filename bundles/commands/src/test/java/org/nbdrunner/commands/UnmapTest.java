package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.Device;

/** Unmapping: refused while somebody uses the device, announced before the device is disconnected. */
class UnmapTest {
    private final Fakes fakes = new Fakes();

    private static Device device(boolean connected, String backend) {
        return new Device("/dev/nbd0", connected, connected ? 1 << 20 : 0, false, false, backend);
    }

    private void backstore(String key, BackstoreState state) {
        fakes.backstores.add(Fakes.backstore("file", key, state, "/dev/nbd0", 1 << 20));
    }

    private void mapped(boolean inUse) {
        fakes.backstores.add(Fakes.backstore("file", "a.img", BackstoreState.MAPPED, "/dev/nbd0", 1 << 20));
        fakes.devices.add(new Device("/dev/nbd0", true, 1 << 20, false, inUse, ""));
        fakes.unmapped = "/dev/nbd0";
    }

    @Test
    void unmapsByBackstore() {
        mapped(false);
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "a.img"), fakes::errText);
        assertEquals(List.of("list file", "unmap file a.img ''", "DISCONNECT /dev/nbd0"), fakes.calls);
        assertEquals("", fakes.outText());
        assertEquals("", fakes.errText());
    }

    @Test
    void unmapsByDevice() {
        mapped(false);
        assertEquals(Commands.DONE, fakes.run("file", "u", "/dev/nbd0"), fakes::errText);
        assertEquals(List.of("list file", "unmap file a.img /dev/nbd0", "DISCONNECT /dev/nbd0"), fakes.calls);
    }

    @Test
    void unmapsByDeviceThoughAnOldRunnerDoesNotNameIt() {
        mapped(false);
        fakes.unmapped = "";
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "/dev/nbd0"), fakes::errText);
        assertEquals("DISCONNECT /dev/nbd0", fakes.calls.get(2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.img", "/dev/nbd0", "a.img;option"})
    void leavesADeviceInUseAsItIs(String name) {
        mapped(true);
        assertEquals(Commands.FAILED, fakes.run("file", "unmap", name));
        assertEquals(0, fakes.calls.stream().filter(c -> !c.startsWith("list")).count(), fakes.calls::toString);
        assertEquals("nbd-cli: /dev/nbd0 is mounted or otherwise in use: unmount it first\n", fakes.errText());
    }

    @Test
    void unmapsADeadMappingThatTheKernelHasForgotten() {
        fakes.backstores.add(Fakes.backstore("file", "a.img", BackstoreState.DEAD, "/dev/nbd0", 1 << 20));
        fakes.unmapped = "/dev/nbd0";
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "a.img"), fakes::errText);
        assertEquals(List.of("list file", "unmap file a.img ''"), fakes.calls);
    }

    @Test
    void unmapsADeadMappingWhoseDeviceIsFree() {
        fakes.backstores.add(Fakes.backstore("file", "a.img", BackstoreState.DEAD, "/dev/nbd0", 1 << 20));
        fakes.devices.add(new Device("/dev/nbd0", false, 0, false, false, ""));
        fakes.unmapped = "/dev/nbd0";
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "/dev/nbd0"), fakes::errText);
        assertEquals(List.of("list file", "unmap file a.img /dev/nbd0"), fakes.calls);
    }

    @Test
    void disconnectsNothingWhenTheRunnerRefuses() {
        mapped(false);
        fakes.refuse("unmap", Errno.ENODEV, "There is no maping for 'a.img'!");
        assertEquals(Commands.FAILED, fakes.run("file", "unmap", "a.img"));
        assertEquals(List.of("list file", "unmap file a.img ''"), fakes.calls);
        assertEquals("nbd-cli: There is no maping for 'a.img'!\n", fakes.errText());
    }

    @Test
    void saysWhyTheKernelRefuses() {
        mapped(false);
        fakes.disconnectFailure = new StorageException(Errno.EBUSY, "/dev/nbd0 is in use: opened by fio");
        assertEquals(Commands.FAILED, fakes.run("file", "unmap", "a.img"));
        assertEquals("nbd-cli: /dev/nbd0 is in use: opened by fio\n", fakes.errText());
    }

    static List<Device> devicesThatAreNotIt() {
        return List.of(
                new Device("/dev/nbd1", true, 1 << 20, false, false, "file/a.img"),
                device(false, ""),
                device(true, "file/b.img"),
                new Device("/dev/nbd0", true, 1 << 20, false, true, "file/b.img"));
    }

    @ParameterizedTest
    @MethodSource("devicesThatAreNotIt")
    void leavesAMappingOfAnotherMachineAlone(Device here) {
        backstore("a.img", BackstoreState.MAPPED);
        fakes.devices.add(here);
        fakes.unmapped = "/dev/nbd0";
        for (String name : List.of("a.img", "/dev/nbd0")) {
            assertEquals(Commands.FAILED, fakes.run("file", "unmap", name));
        }
        assertEquals(List.of("list file", "list file"), fakes.calls);
        assertEquals(
                "nbd-cli: a.img is mapped to /dev/nbd0 of another machine: unmap it there\n".repeat(2),
                fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.img", "/dev/nbd0"})
    void unmapsADeadMappingFromAnywhere(String name) {
        backstore("a.img", BackstoreState.DEAD);
        fakes.devices.add(new Device("/dev/nbd0", true, 1 << 20, false, true, "file/b.img"));
        fakes.unmapped = "/dev/nbd0";
        assertEquals(Commands.DONE, fakes.run("file", "unmap", name), fakes::errText);
        assertEquals(2, fakes.calls.size(), "the device is another's: " + fakes.calls);
    }

    @Test
    void unmapsWhatTheDeviceIsMappedToHere() {
        backstore("a.img", BackstoreState.MAPPED);
        backstore("b.img", BackstoreState.DEAD);
        fakes.devices.add(device(true, "file/b.img"));
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "/dev/nbd0"), fakes::errText);
        assertEquals(List.of("list file", "unmap file b.img /dev/nbd0", "DISCONNECT /dev/nbd0"), fakes.calls);
    }

    @Test
    void unmapsTheLiveOneOfADeviceRatherThanADeadOne() {
        backstore("a.img", BackstoreState.DEAD);
        backstore("b.img", BackstoreState.MAPPED);
        fakes.devices.add(device(true, ""));
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "/dev/nbd0"), fakes::errText);
        assertEquals("unmap file b.img /dev/nbd0", fakes.calls.get(1));
    }

    @Test
    void leavesItToTheRunnerToSayThatADeviceIsUnknown() {
        fakes.devices.add(device(true, "file/b.img"));
        assertEquals(Commands.DONE, fakes.run("file", "unmap", "/dev/nbd0"), fakes::errText);
        assertEquals(List.of("list file", "unmap file '' /dev/nbd0"), fakes.calls, "it is another's");
    }
}
