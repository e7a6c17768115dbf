package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** Clients that ask for what they were not given, and state lengths, offsets and counts that cannot be true. */
final class LyingClients {
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;
    private static final long SIZE = AttackedServer.SIZE;
    private static final int LARGEST = 32 << 20;

    private static final long[] OFFSETS = {
        0,
        1,
        SIZE - 1,
        SIZE,
        SIZE + 1,
        Integer.MAX_VALUE,
        1L << 31,
        1L << 32,
        Long.MAX_VALUE - 511,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MIN_VALUE + SIZE,
        -SIZE,
        -512,
        -1
    };
    private static final long[] LENGTHS = {
        0, 1, SIZE, SIZE + 1, LARGEST, LARGEST + 1, Integer.MAX_VALUE, 1L << 31, 0xffff_fe00L, 0xffff_ffffL
    };
    private static final long[] LONG_LENGTHS = {
        1L << 32, (1L << 32) + 512, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE, -SIZE, -512, -1
    };

    private final List<Attack> attacks = new ArrayList<>();

    private LyingClients() {}

    static List<Attack> attacks() {
        LyingClients all = new LyingClients();
        all.flags();
        all.commands();
        all.lengths();
        all.writes();
        all.options();
        all.legacy();
        return all.attacks;
    }

    private void add(String what, Attack.Act act) {
        attacks.add(new Attack(what, act));
    }

    private static void stillServed(RawClient client) throws IOException {
        assertEquals(0, client.read(0, 512).error(), "what is right is still done");
    }

    private static byte[] payload(int type, long length) {
        return new byte[type == Nbd.CMD_WRITE ? (int) length : 0];
    }

    // What was not offered

    private void flags() {
        add("sets each unknown client flag", servers -> {
            for (int bit = 2; bit < 32; bit++) {
                RawClient client = servers.plain().server.connect();
                client.hello(RawClient.FIXED | 1 << bit);
                client.expectEnd();
            }
            return "cut off, 30 times";
        });
        add("sets NBD_CMD_FLAG_FAST_ZERO, which was not offered (a peer dies of it)", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/zeroing", mode);
                for (int flags : new int[] {Nbd.CMD_FLAG_FAST_ZERO, Nbd.CMD_FLAG_FAST_ZERO | Nbd.CMD_FLAG_NO_HOLE}) {
                    assertEquals(
                            EINVAL,
                            client.call(flags, Nbd.CMD_WRITE_ZEROES, 0, 4096).error());
                }
                stillServed(client);
            }
            return "NBD_EINVAL, in use afterwards";
        });
        add("sets each of the 16 command flags on each command, none of them offered", servers -> {
            int requests = 0;
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/plain", mode);
                Bytes all = new Bytes();
                for (int type : new int[] {0, 1, 3, 4, 5, 6, 7}) {
                    for (int bit = 0; bit < 16; bit++) {
                        int flag = 1 << bit;
                        boolean known = (type == Nbd.CMD_READ && flag == Nbd.CMD_FLAG_DF && mode != ReplyMode.SIMPLE)
                                || (type == Nbd.CMD_WRITE
                                        && mode == ReplyMode.EXTENDED
                                        && flag == Nbd.CMD_FLAG_PAYLOAD_LEN)
                                || (type == Nbd.CMD_BLOCK_STATUS && flag == Nbd.CMD_FLAG_REQ_ONE);
                        boolean payload = type == Nbd.CMD_WRITE
                                || (mode == ReplyMode.EXTENDED && flag == Nbd.CMD_FLAG_PAYLOAD_LEN);
                        if (!known) {
                            client.put(all, flag, type, 0, 512, new byte[payload ? 512 : 0]);
                            requests++;
                        }
                    }
                }
                client.send(all);
                while (client.inFlight() > 0) {
                    assertEquals(EINVAL, client.reply().error());
                }
                stillServed(client);
            }
            return "NBD_EINVAL, " + requests + " times, in use afterwards";
        });
    }

    private void commands() {
        add("sends each command that was not offered, and unknown ones", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().hello();
                client.headers(mode);
                client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/plain"));
                for (int type : new int[] {3, 4, 5, 6, 7, 8, 9, 255, 256, 0x7fff, 0x8000, 0xffff}) {
                    assertEquals(EINVAL, client.call(0, type, 0, 512).error(), "command " + type);
                }
                stillServed(client);
            }
            return "NBD_EINVAL, in use afterwards";
        });
        add("changes what is read-only", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/ro", mode);
                for (int type : new int[] {Nbd.CMD_WRITE, Nbd.CMD_TRIM, Nbd.CMD_WRITE_ZEROES}) {
                    for (long length : new long[] {1, 512, 1 << 20}) {
                        Reply reply = client.call(0, type, 0, length, payload(type, length));
                        assertEquals(1, reply.error(), "command " + type);
                    }
                }
                stillServed(client);
            }
            return "NBD_EPERM, in use afterwards";
        });
    }

    // Lengths and offsets

    private static boolean within(long offset, long length) {
        return length > 0 && offset >= 0 && offset <= SIZE && length <= SIZE - offset;
    }

    private void lengths() {
        String[] names = {
            "NBD_CMD_READ", "", "", "", "NBD_CMD_TRIM", "NBD_CMD_CACHE", "NBD_CMD_WRITE_ZEROES", "NBD_CMD_BLOCK_STATUS"
        };
        for (int type : new int[] {0, 4, 5, 6, 7}) {
            add("sends " + names[type] + " with huge and negative offsets and lengths", servers -> {
                TreeSet<Integer> errors = new TreeSet<>();
                int requests = 0;
                for (ReplyMode mode : ReplyMode.values()) {
                    RawClient client = servers.plain().open("mem/shuffled", mode);
                    boolean offered = type != Nbd.CMD_BLOCK_STATUS || mode != ReplyMode.SIMPLE;
                    Bytes all = new Bytes();
                    for (long offset : OFFSETS) {
                        for (long length : lengths(mode)) {
                            if (!offered || !within(offset, length)) {
                                client.put(all, 0, type, offset, length);
                                requests++;
                            }
                        }
                    }
                    client.send(all);
                    while (client.inFlight() > 0) {
                        errors.add(client.reply().error());
                    }
                    stillServed(client);
                }
                boolean space = type == Nbd.CMD_WRITE_ZEROES; // EINVAL is for those of no length at all
                assertEquals(space ? Set.of(EINVAL, ENOSPC) : Set.of(EINVAL), errors);
                return (space ? "NBD_ENOSPC or NBD_EINVAL, " : "NBD_EINVAL, ") + requests + " times, in use afterwards";
            });
        }
        add("sends NBD_CMD_FLUSH with offsets and lengths", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/disk", mode);
                Bytes all = new Bytes();
                for (long offset : OFFSETS) {
                    for (long length : lengths(mode)) {
                        if (offset != 0 || length != 0) {
                            client.put(all, 0, Nbd.CMD_FLUSH, offset, length);
                        }
                    }
                }
                client.send(all);
                while (client.inFlight() > 0) {
                    assertEquals(EINVAL, client.reply().error());
                }
                stillServed(client);
            }
            return "NBD_EINVAL, in use afterwards";
        });
    }

    private static long[] lengths(ReplyMode mode) {
        if (mode != ReplyMode.EXTENDED) {
            return LENGTHS;
        }
        long[] all = Arrays.copyOf(LENGTHS, LENGTHS.length + LONG_LENGTHS.length);
        System.arraycopy(LONG_LENGTHS, 0, all, LENGTHS.length, LONG_LENGTHS.length);
        return all;
    }

    private void writes() {
        add("writes at huge and negative offsets", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/disk", mode);
                for (long offset : OFFSETS) {
                    int length = 4096;
                    if (!within(offset, length)) {
                        Bytes all = new Bytes();
                        client.putWrite(all, 0, offset, new byte[length]);
                        client.send(all);
                        assertEquals(ENOSPC, client.reply().error(), "at " + offset);
                    }
                }
                stillServed(client);
            }
            return "NBD_ENOSPC, in use afterwards";
        });
        add("writes 32 MiB and a byte, all of which it sends", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                RawClient client = servers.plain().open("mem/disk", mode);
                assertEquals(EINVAL, client.write(0, 0, new byte[LARGEST + 1]).error());
                stillServed(client);
            }
            return "NBD_EINVAL, in use afterwards";
        });
        add("says that it writes from 64 MiB up to 2^64 bytes", servers -> {
            for (ReplyMode mode : ReplyMode.values()) {
                for (long length : lengths(mode)) {
                    if (length < 0 || length > 2L * LARGEST) {
                        RawClient client = servers.plain().open("mem/disk", mode);
                        Bytes all = new Bytes();
                        int flags = mode == ReplyMode.EXTENDED ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0;
                        client.put(all, flags, Nbd.CMD_WRITE, AttackedServer.TARGET, length);
                        client.send(all);
                        client.expectEnd();
                    }
                }
            }
            return "cut off";
        });
        add("sends payloads with commands that have none (extended headers)", servers -> {
            RawClient client = servers.plain().open("mem/disk", ReplyMode.EXTENDED);
            for (int type : new int[] {0, 3, 4, 5, 6, 7, 8, 0xffff}) {
                for (int length : new int[] {0, 1, 4096, 1 << 20, LARGEST + 1}) {
                    Reply reply = client.call(Nbd.CMD_FLAG_PAYLOAD_LEN, type, 0, length, new byte[length]);
                    assertEquals(EINVAL, reply.error(), "command " + type);
                }
            }
            stillServed(client);
            for (long length : LONG_LENGTHS) {
                RawClient huge = servers.plain().open("mem/disk", ReplyMode.EXTENDED);
                Bytes all = new Bytes();
                huge.put(all, Nbd.CMD_FLAG_PAYLOAD_LEN, Nbd.CMD_READ, 0, length);
                huge.send(all);
                huge.expectEnd();
            }
            return "NBD_EINVAL, in use afterwards; cut off from 4 GiB on";
        });
    }

    // Handshake

    private void options() {
        add("sends options with data of over 1 MiB, up to 4 GiB", servers -> {
            int[] options = {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 77, -1};
            for (AttackedServer server : List.of(servers.plain(), servers.secure())) {
                for (int option : options) {
                    for (long length : new long[] {(1 << 20) + 1, Integer.MAX_VALUE, 1L << 31, 0xffff_ffffL}) {
                        RawClient client = server.hello();
                        client.send(
                                new Bytes().u64(Nbd.OPTION_MAGIC).u32(option).u32(length));
                        client.expectEnd();
                    }
                }
            }
            return "cut off";
        });
        add("states lengths of strings that do not fit", servers -> {
            RawClient client = servers.plain().hello();
            client.headers(ReplyMode.STRUCTURED);
            for (int option :
                    new int[] {Nbd.OPT_INFO, Nbd.OPT_GO, Nbd.OPT_LIST_META_CONTEXT, Nbd.OPT_SET_META_CONTEXT}) {
                for (long length : new long[] {9, 4096, 4097, 0xffff, Integer.MAX_VALUE, 1L << 31, 0xffff_ffffL}) {
                    invalid(
                            client,
                            option,
                            new Bytes().u32(length).text("mem/disk").u32(0));
                    invalid(client, option, new Bytes().u32(length));
                }
            }
            for (int option : new int[] {Nbd.OPT_LIST_META_CONTEXT, Nbd.OPT_SET_META_CONTEXT}) {
                for (long length : new long[] {16, 4096, Integer.MAX_VALUE, 1L << 31, 0xffff_ffffL}) {
                    invalid(
                            client,
                            option,
                            new Bytes().string("mem/disk").u32(1).u32(length).text(Nbd.BASE_ALLOCATION));
                    invalid(
                            client,
                            option,
                            new Bytes().string("mem/disk").u32(length).string(Nbd.BASE_ALLOCATION));
                }
            }
            for (int count : new int[] {1, 2, 0x7fff, 0x8000, 0xffff}) {
                invalid(client, Nbd.OPT_GO, new Bytes().string("mem/disk").u16(count));
            }
            client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
            stillServed(client);
            return "NBD_REP_ERR_INVALID, in use afterwards";
        });
    }

    private static void invalid(RawClient client, int option, Bytes data) throws IOException {
        List<Answer> answers = client.ask(option, data);
        assertEquals(1, answers.size(), answers::toString);
        assertEquals(Nbd.REP_ERR_INVALID, answers.get(0).type(), answers::toString);
    }

    private void legacy() {
        add("states impossible lengths of a cfgstring (legacy)", servers -> {
            for (long length : new long[] {0, 1025, 0xffff, 0x10001, 0x00ff_ffffL, 0xffff_ffffL, 0x0104_0000L}) {
                RawClient client = servers.plain().server.connectLegacy();
                client.send(new Bytes().u32(length));
                byte[] answer = client.read(4);
                assertTrue(answer[0] != 0 || answer[3] != 0, "a negative number in one order or the other");
                client.drain();
            }
            return "refused, then cut off";
        });
    }
}
