package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * A client that walks through the states of the protocol at random, knows what each message must lead to, and checks that it does. It alone uses
 * its region of each export, so it knows what is there too.
 */
final class FuzzClient {
    /** Bytes of an export that belong to one client. */
    static final int REGION = 1 << 16;

    /** Bytes that any client may write to: nobody knows what is there. */
    static final int SCRATCH = 1 << 16;

    private static final int SECTOR = 512;
    private static final int BATCH = 64;
    private static final List<String> NAMES = List.of("mem/none", "", "x".repeat(300), "mem/now ");

    private final TestServer server;
    private final List<FuzzedExport> exports;
    private final int region;
    private final int scratch;
    private final Random random;
    private final Map<String, byte[]> models = new HashMap<>();

    private RawClient client;
    private long messages;

    // Of the session
    private ReplyMode mode;
    private String context;
    private FuzzedExport export;

    // Of the batch
    private final Map<Long, Expected> expected = new HashMap<>();
    private final BitSet read = new BitSet();
    private final BitSet changed = new BitSet();
    private Bytes batch;

    /** What must come of a request, and what to do about it. */
    private record Expected(
            String request, Set<Integer> errors, ByteBuffer data, boolean zeroes, int sector, int sectors) {}

    /**
     * A client that has done nothing yet.
     *
     * @param exports those of the server
     * @param region where its own region begins on each of them
     * @param scratch where everybody's region begins
     */
    FuzzClient(TestServer server, List<FuzzedExport> exports, int region, int scratch, Random random) {
        this.server = server;
        this.exports = exports;
        this.region = region;
        this.scratch = scratch;
        this.random = random;
    }

    /** Messages that it has sent. */
    long messages() {
        return messages;
    }

    /** Connects, negotiates, does this and that, and leaves in one way or another. */
    void session() throws IOException {
        mode = ReplyMode.SIMPLE;
        context = null;
        export = null;
        client = server.connect();
        try {
            client.hello();
            if (negotiate()) {
                for (int i = random.nextInt(30); i > 0; i--) {
                    batch();
                }
                leave();
            }
        } finally {
            server.close(client);
        }
    }

    private <T> T any(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private boolean chance(int in) {
        return random.nextInt(in) == 0;
    }

    private byte[] bytes(int length) {
        byte[] b = new byte[length];
        random.nextBytes(b);
        return b;
    }

    // Handshake

    /** Whether it has led to the transmission phase. */
    private boolean negotiate() throws IOException {
        for (int i = random.nextInt(12); i > 0; i--) {
            option();
        }
        messages++;
        switch (random.nextInt(12)) {
            case 0 -> {
                assertEquals(Nbd.REP_ACK, last(Nbd.OPT_ABORT, bytes(random.nextInt(9))));
                client.expectEnd();
            }
            case 1 ->
                client.send(
                        new Bytes().option(any(List.of(3, 7, 9, 77)), bytes(9)).raw(bytes(11)));
            case 2 -> {
                client.send(new Bytes().u64(random.nextLong() | 1L << 63).u32(7).u32(0));
                client.expectEnd();
            }
            case 3 -> {
                client.send(new Bytes()
                        .option(
                                Nbd.OPT_EXPORT_NAME,
                                new Bytes().text(any(NAMES)).array()));
                client.expectEnd();
            }
            case 4 -> {
                export = any(exports);
                client.send(new Bytes()
                        .option(
                                Nbd.OPT_EXPORT_NAME,
                                new Bytes().text(export.name()).array()));
                if (export.info().minimumBlock() > SECTOR) { // of which this option cannot tell
                    client.expectEnd();
                    return false;
                }
                ByteBuffer answer = ByteBuffer.wrap(client.read(10));
                assertEquals(export.info().size(), answer.getLong());
                return true;
            }
            default -> {
                export = any(exports);
                assertEquals(Nbd.REP_ACK, last(Nbd.OPT_GO, RawClient.info(export.name(), Nbd.INFO_BLOCK_SIZE)));
                return true;
            }
        }
        return false;
    }

    private int last(int option, byte... data) throws IOException {
        return RawClient.last(client.ask(option, data)).type();
    }

    private void option() throws IOException {
        messages++;
        switch (random.nextInt(9)) {
            case 0 -> {
                int unknown = any(List.of(0, 4, 12, 99, -1, Integer.MIN_VALUE, 12 + random.nextInt(1 << 20)));
                assertEquals(Nbd.REP_ERR_UNSUP, last(unknown, bytes(random.nextInt(100))));
            }
            case 1 -> headers(Nbd.OPT_STRUCTURED_REPLY, ReplyMode.STRUCTURED);
            case 2 -> headers(Nbd.OPT_EXTENDED_HEADERS, ReplyMode.EXTENDED);
            case 3 -> {
                boolean wrong = chance(3);
                List<Answer> answers = client.ask(Nbd.OPT_LIST, bytes(wrong ? 1 + random.nextInt(9) : 0));
                assertEquals(wrong ? 1 : exports.size() + 1, answers.size());
                assertEquals(
                        wrong ? Nbd.REP_ERR_INVALID : Nbd.REP_ACK,
                        RawClient.last(answers).type());
            }
            case 4 -> {
                boolean wrong = chance(2);
                String name = wrong ? any(NAMES) : any(exports).name();
                byte[] data = RawClient.info(name, Nbd.INFO_BLOCK_SIZE, random.nextInt(9), random.nextInt(1 << 16));
                assertEquals(wrong ? Nbd.REP_ERR_UNKNOWN : Nbd.REP_ACK, last(Nbd.OPT_INFO, data));
            }
            case 5 -> {
                byte[] whole = RawClient.info(any(exports).name(), 0, 1, 2, 3);
                byte[] data = chance(2)
                        ? Arrays.copyOf(whole, random.nextInt(whole.length))
                        : Arrays.copyOf(whole, whole.length + 1 + random.nextInt(9));
                assertEquals(Nbd.REP_ERR_INVALID, last(any(List.of(Nbd.OPT_INFO, Nbd.OPT_GO)), data));
            }
            case 6 -> assertEquals(Nbd.REP_ERR_UNSUP, last(Nbd.OPT_STARTTLS));
            default -> contexts();
        }
    }

    private void headers(int option, ReplyMode wanted) throws IOException {
        boolean wrong = chance(4);
        int type = last(option, bytes(wrong ? 1 + random.nextInt(9) : 0));
        if (wrong || mode == wanted) {
            assertEquals(Nbd.REP_ERR_INVALID, type);
        } else if (mode == ReplyMode.EXTENDED) {
            assertEquals(Nbd.REP_ERR_EXT_HEADER_REQD, type);
        } else {
            assertEquals(Nbd.REP_ACK, type);
            mode = wanted;
            client.mode(wanted);
        }
    }

    private void contexts() throws IOException {
        boolean set = chance(2);
        int option = set ? Nbd.OPT_SET_META_CONTEXT : Nbd.OPT_LIST_META_CONTEXT;
        boolean unknown = chance(4);
        boolean cut = chance(4);
        boolean selects = chance(2);
        String name = unknown ? any(NAMES) : any(exports).name();
        byte[] data = selects
                ? RawClient.contexts(name, "qemu:dirty-bitmap:x", Nbd.BASE_ALLOCATION)
                : RawClient.contexts(name, "x:y");
        List<Answer> answers = client.ask(option, cut ? Arrays.copyOf(data, random.nextInt(data.length)) : data);
        int type = RawClient.last(answers).type();
        if (set) {
            context = null;
        }
        if (mode == ReplyMode.SIMPLE || cut) {
            assertEquals(Nbd.REP_ERR_INVALID, type);
        } else if (unknown) {
            assertEquals(Nbd.REP_ERR_UNKNOWN, type);
        } else {
            assertEquals(Nbd.REP_ACK, type);
            assertEquals(selects ? 2 : 1, answers.size());
            if (set && selects) {
                context = name;
            }
        }
    }

    // Transmission

    /** Sends requests at once and checks what comes back. */
    private void batch() throws IOException {
        batch = new Bytes();
        expected.clear();
        read.clear();
        changed.clear();
        for (int i = 1 + random.nextInt(BATCH); i > 0; i--) {
            request();
        }
        messages += expected.size();
        client.send(batch);
        byte[] model = models.computeIfAbsent(export.name(), n -> new byte[REGION]);
        while (client.inFlight() > 0) {
            Reply reply = client.reply();
            Expected e = expected.remove(reply.cookie());
            if (e.errors().isEmpty()) {
                assertEquals(0, reply.error(), () -> e.request() + ": " + reply.text());
            } else {
                assertTrue(e.errors().contains(reply.error()), () -> e.request() + ": " + reply.error());
            }
            if (e.sector() < 0 || reply.error() != 0) {
                continue;
            }
            int from = e.sector() * SECTOR;
            int to = from + e.sectors() * SECTOR;
            if (e.data() != null) {
                e.data().get(model, from, to - from);
            } else if (e.zeroes()) {
                Arrays.fill(model, from, to, (byte) 0);
            } else if (reply.data().length > 0) {
                assertArrayEquals(Arrays.copyOfRange(model, from, to), reply.data(), e.request());
            } else {
                extents(reply, model, from);
            }
        }
    }

    /** What is said to be zeroes must be. */
    private static void extents(Reply reply, byte[] model, int from) {
        int at = from;
        for (Reply.Extent extent : reply.extents()) {
            int end = at + (int) extent.length();
            if ((extent.flags() & Nbd.STATE_ZERO) != 0) {
                for (int i = at; i < end; i++) {
                    assertEquals(0, model[i], "a byte of zeroes");
                }
            }
            at = end;
        }
    }

    /** Adds a request that is right, or wrong in some way. */
    private void request() {
        int unit = Math.max(1, export.info().minimumBlock() / SECTOR);
        int sectors = unit * (1 + random.nextInt(Math.max(1, 8 / unit)));
        int sector = unit * random.nextInt((REGION / SECTOR - sectors) / unit + 1);
        int type = any(List.of(0, 0, 0, 1, 1, 1, 3, 4, 5, 6, 7));
        int flags = chance(4) ? 1 << random.nextInt(6) : 0;
        long offset = region + (long) sector * SECTOR;
        long length = (long) sectors * SECTOR;
        if (type == Nbd.CMD_FLUSH) {
            offset = 0;
            length = 0;
        }
        if (type == Nbd.CMD_WRITE && mode == ReplyMode.EXTENDED) {
            flags |= Nbd.CMD_FLAG_PAYLOAD_LEN;
        }
        boolean odd = chance(6);
        if (odd) {
            VolumeInfo info = export.info();
            switch (random.nextInt(7)) {
                case 0 -> type = any(List.of(8, 9, 255, 0x7fff, 0xffff, 8 + random.nextInt(60_000)));
                case 1 -> flags |= 1 << random.nextInt(16);
                case 2 -> offset = info.size() - random.nextInt(SECTOR + 1);
                case 3 -> offset = random.nextLong();
                case 4 -> length = 0;
                case 5 -> length = hugeLength(type, flags);
                default -> {
                    offset += 1L + random.nextInt(SECTOR - 1);
                    length = 1L + random.nextInt(SECTOR);
                }
            }
        }
        put(flags, type, offset, length, sector, odd);
    }

    private long hugeLength(int type, int flags) {
        if (FuzzedExport.hasPayload(mode, flags, type)) {
            return 1L << 17; // all of it is sent
        }
        return mode == ReplyMode.EXTENDED ? random.nextLong() : random.nextInt() & 0xffffffffL;
    }

    private void put(int flags, int type, long offset, long length, int sector, boolean odd) {
        Set<Integer> errors = export.errors(mode, export.name().equals(context), flags, type, offset, length);
        boolean changes = type == Nbd.CMD_WRITE || type == Nbd.CMD_TRIM || type == Nbd.CMD_WRITE_ZEROES;
        int sectors = (int) (length / SECTOR);
        boolean covers = errors.isEmpty() && type != Nbd.CMD_FLUSH && type != Nbd.CMD_CACHE;
        if (covers && odd && changes) {
            return; // perhaps another's region
        }
        boolean known = covers && !odd;
        if (known) {
            int end = sector + sectors;
            int busy = changed.nextSetBit(sector);
            int watched = read.nextSetBit(sector);
            if ((busy >= 0 && busy < end) || (changes && watched >= 0 && watched < end)) {
                return; // requests in flight have no order
            }
            (changes ? changed : read).set(sector, end);
        }
        byte[] payload = FuzzedExport.hasPayload(mode, flags, type) ? bytes((int) length) : new byte[0];
        long cookie = client.put(batch, flags, type, offset, length, payload);
        String request = String.format(
                "%s, %s: command %d, flags %x, offset %d, length %d", export.name(), mode, type, flags, offset, length);
        expected.put(
                cookie,
                new Expected(
                        request,
                        errors,
                        type == Nbd.CMD_WRITE ? ByteBuffer.wrap(payload) : null,
                        type == Nbd.CMD_WRITE_ZEROES || type == Nbd.CMD_TRIM,
                        known ? sector : -1,
                        sectors));
    }

    /** Adds something that may be done or not. */
    private void scribble() {
        int type = any(List.of(0, 1, 4, 6, 7, 9));
        int length = 4096 * (1 + random.nextInt(4));
        int flags = mode == ReplyMode.EXTENDED && type == Nbd.CMD_WRITE ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0;
        byte[] payload = FuzzedExport.hasPayload(mode, flags, type) ? bytes(length) : new byte[0];
        client.put(batch, flags, type, scratch + random.nextInt(SCRATCH / 4096 - 3) * 4096L, length, payload);
    }

    private void leave() throws IOException {
        switch (random.nextInt(5)) {
            case 0 -> client.disconnect();
            case 1 -> client.stopWriting();
            case 2 ->
                client.send(new Bytes().u64(random.nextLong() & Long.MAX_VALUE).raw(new byte[24]));
            case 3 -> {
                vanish();
                return;
            }
            default -> {
                return;
            }
        }
        messages++;
        client.expectEnd();
    }

    /** Leaves in the middle of a message, without having read a reply. */
    private void vanish() throws IOException {
        batch = new Bytes();
        int requests = 1 + random.nextInt(BATCH);
        for (int i = 0; i < requests; i++) {
            scribble();
        }
        messages += requests;
        client.send(Arrays.copyOf(batch.array(), 1 + random.nextInt(batch.size())));
        if (chance(2)) {
            client.reset();
        }
    }
}
