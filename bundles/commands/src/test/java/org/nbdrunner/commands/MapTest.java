package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.netlink.Device;
import org.nbdrunner.netlink.MapRequest;

/** Mapping: the three steps, in order, and what is undone when one of them fails. */
class MapTest {
    private static final String TIME = "9999-99-99 99:99:99";
    private static final Device DEAD = new Device("/dev/nbd7", true, 1 << 20, false, true, "");

    private final Fakes fakes = new Fakes();

    private static Premapped dead() {
        return new Premapped("/dev/nbd7", "192.0.2.1", 24111, 1 << 20, 512, 0x6d, 1);
    }

    private static Premapped withFlags(int flags) {
        return new Premapped("", "192.0.2.1", 24111, 1 << 20, 512, flags, 1);
    }

    @Test
    void mapsAndPrintsTheDevice() {
        assertEquals(Commands.DONE, fakes.run("file", "map", "a.img"), fakes::errText);
        assertEquals(
                List.of("premap file a.img false 30", "MAP ", "postmap file a.img /dev/nbd4 " + TIME), fakes.calls);
        assertEquals("/dev/nbd4\n", fakes.outText());
        assertEquals("", fakes.errText());
    }

    @Test
    void asksForWhatTheRunnerOffers() {
        fakes.premapped = new Premapped("", "192.0.2.9", 1234, 4096, 4096, 0x16d, 4);
        assertEquals(
                Commands.DONE,
                fakes.run("azblk", "map", "h/c/b;sas=s3cret", "readonly", "timeout", "45", "/dev/nbd4"),
                fakes::errText);
        assertEquals(
                List.of(new MapRequest(
                        "192.0.2.9",
                        1234,
                        "h/c/b;sas=s3cret",
                        "/dev/nbd4",
                        4096,
                        4096,
                        0x16f,
                        true,
                        45,
                        90,
                        4,
                        "azblk/h/c/b")),
                fakes.requests);
        assertEquals("premap azblk h/c/b;sas=s3cret true 45", fakes.calls.get(0));
    }

    @ParameterizedTest
    @CsvSource({"3, 60", "30, 60", "31, 62", "300, 600", "86400, 172800"})
    void waitsLongerForAConnectionThanForAnAnswer(int timeout, int deadTimeout) {
        fakes.run("file", "map", "a.img", "timeout", "" + timeout);
        assertEquals(timeout, fakes.requests.get(0).timeout());
        assertEquals(deadTimeout, fakes.requests.get(0).deadTimeout());
    }

    @Test
    void promisesLittleForAnOldRunner() {
        fakes.premapped = withFlags(0);
        fakes.run("file", "map", "a.img");
        fakes.run("file", "map", "a.img", "readonly");
        assertEquals(
                List.of(5, 7), fakes.requests.stream().map(MapRequest::flags).toList());
    }

    @Test
    void printsTheDeviceInJson() {
        fakes.run("file", "map", "a.img", "--json");
        assertEquals(
                "{\"device\":\"/dev/nbd4\"}",
                JsonParser.parseString(fakes.outText()).toString());
    }

    @Test
    void undoesNothingWhenTheRunnerRefuses() {
        fakes.refuse("premap", Errno.EBUSY, "a.img already mapped to /dev/nbd0!");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals(List.of("premap file a.img false 30"), fakes.calls);
        assertEquals("nbd-cli: a.img already mapped to /dev/nbd0!\n", fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void rollsBackWhenTheKernelRefuses() {
        fakes.mapFailure = new StorageException(Errno.ENODEV, "the kernel has no nbd module: run modprobe nbd");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals(List.of("premap file a.img false 30", "MAP ", "postmap file a.img '' ''"), fakes.calls);
        assertEquals("nbd-cli: the kernel has no nbd module: run modprobe nbd\n", fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void saysWhyTheKernelRefusedThoughTheRollbackFailsToo() {
        fakes.mapFailure = new StorageException(Errno.EPERM, "only root may map");
        fakes.refuse("postmap", Errno.EIO, "the runner is gone");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals("""
                nbd-cli: the runner did not take note of the failure: the runner is gone
                nbd-cli: only root may map
                """, fakes.errText());
    }

    @Test
    void disconnectsWhenTheRunnerDoesNotTakeNote() {
        fakes.refuse("postmap", Errno.ENOSPC, "no space left");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals(
                List.of(
                        "premap file a.img false 30",
                        "MAP ",
                        "postmap file a.img /dev/nbd4 " + TIME,
                        "DISCONNECT /dev/nbd4",
                        "postmap file a.img '' ''"),
                fakes.calls);
        assertEquals("""
                nbd-cli: the runner did not take note of the failure: no space left
                nbd-cli: the runner did not take note of /dev/nbd4, which is disconnected again: no space left
                """, fakes.errText());
        assertEquals("", fakes.outText());
    }

    @Test
    void restoresADeadMapping() {
        fakes.premapped = dead();
        fakes.devices.add(DEAD);
        assertEquals(Commands.DONE, fakes.run("file", "map", "a.img"), fakes::errText);
        assertEquals(
                List.of("premap file a.img false 30", "RECONNECT /dev/nbd7", "postmap file a.img /dev/nbd7 " + TIME),
                fakes.calls);
        assertEquals("file/a.img", fakes.requests.get(0).identifier());
        assertEquals("/dev/nbd7\n", fakes.outText());
    }

    @Test
    void mapsADeadMappingAnewWhenTheKernelHasLostIt() {
        fakes.premapped = dead();
        fakes.devices.add(new Device("/dev/nbd7", false, 0, false, false, ""));
        assertEquals(Commands.DONE, fakes.run("file", "map", "a.img"), fakes::errText);
        assertEquals("MAP /dev/nbd7", fakes.calls.get(1));
    }

    @Test
    void leavesADeadMappingDeadWhenItCannotBeRestored() {
        fakes.premapped = dead();
        fakes.devices.add(DEAD);
        fakes.mapFailure = new StorageException(Errno.EINVAL, "/dev/nbd7 is mapped to file/b, not to file/a.img");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals(
                List.of("premap file a.img false 30", "RECONNECT /dev/nbd7", "postmap file a.img '' ''"), fakes.calls);
    }

    @Test
    void rollsBackWhatTheRunnerMadeNonsenseOf() {
        fakes.premapped = new Premapped("", "192.0.2.1", 0, 1 << 20, 512, 0x6d, 1);
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals("nbd-cli: the runner answered nonsense: port 0 is out of bounds\n", fakes.errText());
        assertEquals(List.of("premap file a.img false 30", "postmap file a.img '' ''"), fakes.calls);
        assertTrue(fakes.requests.isEmpty());
    }

    @Test
    void saysThatADeviceStaysConnectedWhenItDoes() {
        fakes.refuse("postmap", Errno.ENOSPC, "no space left");
        fakes.disconnectFailure = new StorageException(Errno.EBUSY, "/dev/nbd4 is in use: mounted on /m");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals("DISCONNECT /dev/nbd4", fakes.calls.get(fakes.calls.size() - 1), "the runner serves it still");
        assertEquals(
                "nbd-cli: the runner did not take note of /dev/nbd4, which stays connected "
                        + "(/dev/nbd4 is in use: mounted on /m): no space left\n",
                fakes.errText());
    }

    @Test
    void keepsARestoredDeviceWhoseIoWaitedThoughTheRunnerDoesNotTakeNote() {
        fakes.premapped = dead();
        fakes.devices.add(DEAD);
        fakes.refuse("postmap", Errno.EIO, "the runner is gone");
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals(
                List.of("premap file a.img false 30", "RECONNECT /dev/nbd7", "postmap file a.img /dev/nbd7 " + TIME),
                fakes.calls);
        assertEquals(
                "nbd-cli: the runner did not take note of /dev/nbd7, which stays connected for the I/O that waited "
                        + "for it; map it once more: the runner is gone\n",
                fakes.errText());
    }

    @Test
    void restoresADeadMappingWhereItWasOnly() {
        fakes.premapped = dead();
        fakes.devices.add(DEAD);
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img", "/dev/nbd3"));
        assertEquals(List.of("premap file a.img false 30", "postmap file a.img '' ''"), fakes.calls);
        assertEquals(
                "nbd-cli: a.img cannot be mapped to /dev/nbd3: its mapping to /dev/nbd7 died and can be restored "
                        + "there alone; name no device, or unmap it first\n",
                fakes.errText());
        assertEquals(Commands.DONE, fakes.run("file", "map", "a.img", "/dev/nbd7"), fakes::errText);
    }

    static List<Throwable> brokenMachines() {
        return List.of(new UnsatisfiedLinkError("no such library"), new IllegalStateException("no such library"));
    }

    @ParameterizedTest
    @MethodSource("brokenMachines")
    void rollsBackWhenThisMachineIsBroken(Throwable failure) {
        fakes.mapFailure = failure;
        assertEquals(Commands.FAILED, fakes.run("file", "map", "a.img"));
        assertEquals("postmap file a.img '' ''", fakes.calls.get(2));
        assertEquals(
                "nbd-cli: mapping failed: " + failure.getClass().getSimpleName() + ": no such library\n",
                fakes.errText());
    }
}
