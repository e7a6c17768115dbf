package org.nbdrunner.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.netlink.Device;

/** Listings: golden tables, and JSON that another parser reads. */
class ListTest {
    private final Fakes fakes = new Fakes();

    private void fill() {
        fakes.devices.add(new Device("/dev/nbd0", true, 3 << 29, true, true, ""));
        fakes.devices.add(new Device("/dev/nbd1", false, 0, false, false, ""));
        fakes.devices.add(new Device("/dev/nbd2", true, 512, false, false, ""));
        fakes.backstores.add(Fakes.backstore("file", "disks/a.img", BackstoreState.DEAD, "/dev/nbd9", 1 << 20));
        fakes.backstores.add(new BackstoreInfo(
                "file",
                1001,
                "disks/b.img",
                BackstoreState.MAPPED,
                "/dev/nbd0",
                "2026-11-22 17:37:47",
                3L << 29,
                512,
                30,
                true,
                true));
        fakes.backstores.add(Fakes.backstore("dummy", "mem", BackstoreState.CREATED, "", 1000448));
    }

    @Test
    void alignsItsColumns() {
        fill();
        assertEquals(Commands.DONE, fakes.run("list"), fakes::errText);
        assertEquals("""
                DEVICE     DEVICE-STATE  MAPPED-SINCE         STATE    SIZE   READ-ONLY  TIMEOUT  BACKSTORE
                /dev/nbd0  inuse         2026-11-22 17:37:47  mapped   1536M  yes        30       file/disks/b.img
                /dev/nbd1  free          -                    -        -      -          -        -
                /dev/nbd2  inuse         -                    -        -      -          -        -
                /dev/nbd9  -             2026-01-02 03:04:05  dead     1M     no         30       file/disks/a.img
                -          -             -                    created  977K   no         -        dummy/mem
                """, fakes.outText());
        assertEquals(List.of("list ''"), fakes.calls);
    }

    @Test
    void listsOneHandlersBackstores() {
        fill();
        fakes.devices.clear();
        assertEquals(Commands.DONE, fakes.run("dummy", "list"), fakes::errText);
        assertEquals("""
                DEVICE  DEVICE-STATE  MAPPED-SINCE  STATE    SIZE  READ-ONLY  TIMEOUT  BACKSTORE
                -       -             -             created  977K  no         -        dummy/mem
                """, fakes.outText());
        assertEquals(List.of("list dummy"), fakes.calls);
    }

    @ParameterizedTest
    @CsvSource({
        "inuse, /dev/nbd0 /dev/nbd2",
        "map, /dev/nbd0 /dev/nbd2",
        "free, /dev/nbd1",
        "unmap, /dev/nbd1",
        "create, -",
        "dead, /dev/nbd9",
        "live, /dev/nbd0",
        "all, /dev/nbd0 /dev/nbd1 /dev/nbd2 /dev/nbd9 -"
    })
    void selects(String state, String devices) {
        fill();
        assertEquals(Commands.DONE, fakes.run("list", state), fakes::errText);
        List<String> found = fakes.outText()
                .lines()
                .skip(1)
                .map(l -> l.substring(0, l.indexOf(' ')))
                .toList();
        assertEquals(List.of(devices.split(" ")), found);
    }

    @Test
    void showsItsColumnsWhenThereIsNothing() {
        assertEquals(Commands.DONE, fakes.run("list"));
        assertEquals(
                "DEVICE  DEVICE-STATE  MAPPED-SINCE  STATE  SIZE  READ-ONLY  TIMEOUT  BACKSTORE\n", fakes.outText());
    }

    @Test
    void printsJson() {
        fill();
        assertEquals(Commands.DONE, fakes.run("list", "--json"), fakes::errText);
        JsonArray rows = JsonParser.parseString(fakes.outText()).getAsJsonArray();
        assertEquals(5, rows.size());
        JsonObject mapped = row(rows, "disks/b.img");
        assertEquals(
                "{\"handler\":\"file\",\"backstore\":\"disks/b.img\",\"state\":\"mapped\",\"device\":\"/dev/nbd0\","
                        + "\"mapped_since\":\"2026-11-22 17:37:47\",\"size\":1610612736,\"block_size\":512,"
                        + "\"timeout\":30,\"readonly\":true,\"prealloc\":true,\"connected\":true}",
                mapped.toString());
        assertEquals("dead", row(rows, "disks/a.img").get("state").getAsString());
        assertFalse(row(rows, "disks/a.img").has("connected"), "the kernel has no such device");
        assertEquals(1000448, row(rows, "mem").get("size").getAsLong());
    }

    private static JsonObject row(JsonArray rows, String key) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .filter(o ->
                        o.has("backstore") && o.get("backstore").getAsString().equals(key))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void printsAnEmptyArrayForNothing() {
        assertEquals(Commands.DONE, fakes.run("file", "list", "dead", "--json"));
        assertEquals("[]\n", fakes.outText());
    }

    @Test
    void escapesWhatJsonCannotHold() {
        String key = "a\"b\\c\td\u0001\u007f/\u00fc\u20ac\ud83d\ude00";
        fakes.backstores.add(Fakes.backstore("file", key, BackstoreState.CREATED, "", 512));
        fakes.run("list", "--json");
        JsonArray rows = JsonParser.parseString(fakes.outText()).getAsJsonArray();
        assertEquals(key, rows.get(0).getAsJsonObject().get("backstore").getAsString());
    }

    @Test
    void printsNothingInJsonWhenTheListCannotBeHad() {
        fakes.refuse("list", Errno.ECONNREFUSED, "no nbd-runner answers at localhost:24110: is it running there?");
        assertEquals(Commands.FAILED, fakes.run("list", "--json"));
        assertEquals("", fakes.outText());
        assertEquals("nbd-cli: no nbd-runner answers at localhost:24110: is it running there?\n", fakes.errText());
    }

    @Test
    void joinsTheLiveBackstoreRatherThanADeadOne() {
        fakes.devices.add(new Device("/dev/nbd0", true, 1024, false, false, ""));
        fakes.backstores.add(Fakes.backstore("file", "a-dead", BackstoreState.DEAD, "/dev/nbd0", 1024));
        fakes.backstores.add(Fakes.backstore("file", "b-live", BackstoreState.MAPPED, "/dev/nbd0", 1024));
        assertEquals(Commands.DONE, fakes.run("list", "inuse"), fakes::errText);
        assertEquals(2, fakes.outText().lines().count());
        assertTrue(fakes.outText().endsWith("file/b-live\n"), fakes::outText);
    }

    @Test
    void joinsNoBackstoreOfAnotherMachine() {
        fakes.devices.add(new Device("/dev/nbd0", true, 1024, false, false, "file/b"));
        fakes.backstores.add(Fakes.backstore("file", "a", BackstoreState.MAPPED, "/dev/nbd0", 1024));
        fakes.backstores.add(Fakes.backstore("file", "b", BackstoreState.DEAD, "/dev/nbd0", 1024));
        assertEquals(Commands.DONE, fakes.run("list", "inuse"), fakes::errText);
        assertTrue(fakes.outText().endsWith("file/b\n"), fakes::outText);
    }

    @Test
    void sendsNoControlCharactersToTheTerminal() {
        fakes.backstores.add(
                Fakes.backstore("file", "a\u001b[2J\u009b\u007f\n\u00fc", BackstoreState.CREATED, "", 1024));
        fakes.run("list");
        assertTrue(fakes.outText().endsWith(" file/a?[2J???\u00fc\n"), fakes::outText);
    }

    @ParameterizedTest
    @ValueSource(strings = {"inuse", "free", "map", "unmap"})
    void listsDevicesWithoutARunner(String state) {
        fakes.devices.add(new Device("/dev/nbd0", true, 1024, false, false, ""));
        fakes.devices.add(new Device("/dev/nbd1", false, 0, false, false, ""));
        fakes.refuse("list", Errno.ECONNREFUSED, "nobody answers");
        assertEquals(Commands.DONE, fakes.run("list", state), fakes::errText);
        assertEquals(2, fakes.outText().lines().count(), fakes::outText);
        assertEquals("nbd-cli: what the devices are mapped to is not known: nobody answers\n", fakes.errText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "dead", "live", "all"})
    void listsNoBackstoresWithoutARunner(String state) {
        fakes.refuse("list", Errno.ECONNREFUSED, "nobody answers");
        assertEquals(Commands.FAILED, fakes.run("list", state));
        assertEquals("nbd-cli: nobody answers\n", fakes.errText());
    }
}
