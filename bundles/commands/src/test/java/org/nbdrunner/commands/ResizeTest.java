package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.Device;

/** Resizing: the runner first, then the device, if it is one of this machine. */
class ResizeTest {
    private final Fakes fakes = new Fakes();

    private void mapped(BackstoreState state, boolean connected, String backend) {
        fakes.backstores.add(Fakes.backstore("file", "a.img", state, "/dev/nbd0", 1 << 20));
        fakes.devices.add(new Device("/dev/nbd0", connected, 1 << 20, false, true, backend));
        fakes.resized = "/dev/nbd0";
    }

    @Test
    void asksTheRunner() {
        assertEquals(Commands.DONE, fakes.run("file", "resize", "a.img", "size", "2M"), fakes::errText);
        assertEquals(Commands.DONE, fakes.run("file", "r", "a.img", "force", "size", "512"), fakes::errText);
        assertEquals(List.of("resize file a.img 2097152 false", "resize file a.img 512 true"), fakes.calls);
        assertEquals("", fakes.outText());
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "file/a.img"})
    void theDeviceFollows(String backend) {
        mapped(BackstoreState.MAPPED, true, backend);
        assertEquals(Commands.DONE, fakes.run("file", "resize", "a.img;x", "size", "2M"), fakes::errText);
        assertEquals(
                List.of("resize file a.img;x 2097152 false", "list file", "RESIZE /dev/nbd0 2097152"), fakes.calls);
        assertEquals("", fakes.errText());
    }

    @ParameterizedTest
    @EnumSource(Elsewhere.class)
    void aDeviceOfAnotherMachineIsLeftAlone(Elsewhere elsewhere) {
        switch (elsewhere) {
            case OTHER_BACKSTORE -> mapped(BackstoreState.MAPPED, true, "file/b.img");
            case NOT_CONNECTED -> mapped(BackstoreState.MAPPED, false, "");
            case DEAD -> mapped(BackstoreState.DEAD, true, "file/a.img");
            case NO_DEVICE -> {
                mapped(BackstoreState.MAPPED, true, "");
                fakes.devices.clear();
            }
        }
        assertEquals(Commands.DONE, fakes.run("file", "resize", "a.img", "size", "2M"), fakes::errText);
        assertTrue(fakes.calls.stream().noneMatch(c -> c.startsWith("RESIZE")), fakes.calls::toString);
        assertTrue(fakes.errText().startsWith("nbd-cli: a.img is resized; /dev/nbd0, which is not"), fakes::errText);
    }

    private enum Elsewhere {
        OTHER_BACKSTORE,
        NOT_CONNECTED,
        DEAD,
        NO_DEVICE
    }

    @Test
    void aDeviceThatDoesNotFollowIsSaidSo() {
        mapped(BackstoreState.MAPPED, true, "file/a.img");
        fakes.mapFailure = new StorageException(Errno.EPERM, "only root may do that");
        assertEquals(Commands.FAILED, fakes.run("file", "resize", "a.img", "size", "2M"));
        assertEquals(
                "nbd-cli: a.img is resized, but not /dev/nbd0, which keeps its size until this command is given again: "
                        + "only root may do that\n",
                fakes.errText());
    }

    @Test
    void touchesNothingWhenTheRunnerRefuses() {
        mapped(BackstoreState.MAPPED, true, "file/a.img");
        fakes.refuse("resize", Errno.EBUSY, "a.img is mapped on /dev/nbd0");
        assertEquals(Commands.FAILED, fakes.run("file", "resize", "a.img", "size", "512"));
        assertEquals(List.of("resize file a.img 512 false"), fakes.calls);
        assertEquals("nbd-cli: a.img is mapped on /dev/nbd0\n", fakes.errText());
    }

    @Test
    void tellsPrograms() {
        mapped(BackstoreState.MAPPED, true, "file/a.img");
        assertEquals(Commands.DONE, fakes.run("file", "resize", "a.img", "size", "2M", "--json"), fakes::errText);
        assertEquals("{\"backstore\":\"a.img\",\"size\":2097152,\"device\":\"/dev/nbd0\"}\n", fakes.outText());
    }

    @Test
    void saysWhatForceMeans() {
        assertEquals(Commands.USAGE, fakes.run("file", "resize", "a.img"));
        assertTrue(
                fakes.errText().contains("\nforce       even if it becomes smaller: what is beyond"), fakes::errText);
    }
}
