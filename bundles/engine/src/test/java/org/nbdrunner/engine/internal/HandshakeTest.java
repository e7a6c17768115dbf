package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.export.TransmissionFlags;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** The fixed newstyle handshake: each option, right and wrong. */
@Timeout(60)
final class HandshakeTest {
    private static final int SIZE = 1 << 20;
    private static final int ALL_FLAGS = TransmissionFlags.HAS_FLAGS
            | TransmissionFlags.SEND_FLUSH
            | TransmissionFlags.SEND_FUA
            | TransmissionFlags.SEND_TRIM
            | TransmissionFlags.SEND_WRITE_ZEROES
            | TransmissionFlags.CAN_MULTI_CONN
            | TransmissionFlags.SEND_CACHE
            | TransmissionFlags.SEND_FAST_ZERO;

    private final TestExports exports = new TestExports()
            .with("mem/disk", new MemoryVolume(SIZE))
            .with(
                    "mem/ro",
                    new FakeVolume(
                            MemoryVolume.all(SIZE).toBuilder().readOnly(true).build(), r -> {}))
            .with("mem/plain", new FakeVolume(VolumeInfo.builder(4096).build(), r -> {}))
            .with("mem/512", blocks(512))
            .with("mem/4k", blocks(4096));

    private TestServer server;

    private static FakeVolume blocks(int minimum) {
        return new FakeVolume(
                VolumeInfo.builder(SIZE)
                        .minimumBlock(minimum)
                        .preferredBlock(65536)
                        .maximumPayload(1 << 20)
                        .build(),
                r -> {});
    }

    @BeforeEach
    void start() throws IOException {
        server = new TestServer(exports);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private RawClient client() throws IOException {
        return server.connect().hello();
    }

    private static void refused(int type, List<Answer> answers) {
        assertEquals(1, answers.size(), answers::toString);
        Answer answer = answers.get(0);
        assertEquals(Integer.toUnsignedString(type, 16), Integer.toUnsignedString(answer.type(), 16), answer::toString);
        assertFalse(Utf8.decode(answer.data()).isBlank(), "a refusal has a text for people");
        assertTrue(answer.data().length <= Nbd.MAX_STRING, "a text is bounded");
    }

    /** The session goes on: nothing is out of step. */
    private static void stillServed(RawClient client) throws IOException {
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(0, client.read(0, 512).error());
        client.disconnect();
        client.expectEnd();
    }

    // The beginning

    @Test
    void aClientThatLeavesAtOnceHarmsNobody() throws IOException {
        server.connect().close();
        stillServed(client());
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 1 << 16, 1 << 31, 0xfffffffc, 0xffffffff})
    void unknownClientFlagsEndTheConnection(int flags) throws IOException {
        RawClient client = server.connect();
        client.hello(flags);
        client.expectEnd();
    }

    @Test
    void anOptionWithoutItsMagicEndsTheConnection() throws IOException {
        RawClient client = client();
        client.send(new Bytes().u64(Nbd.INIT_PASSWD).u32(Nbd.OPT_LIST).u32(0));
        client.expectEnd();
    }

    @Test
    void aClientThatDoesNotKnowTheFixedNewstyleMayNameAnExport() throws IOException {
        RawClient client = server.connect();
        client.hello(0);
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/disk")));
        exportName(client, SIZE, ALL_FLAGS, true);
        assertEquals(0, client.read(0, 512).error());
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_ABORT, Nbd.OPT_LIST, Nbd.OPT_INFO, Nbd.OPT_GO, Nbd.OPT_STRUCTURED_REPLY, 77})
    void aClientThatDoesNotKnowTheFixedNewstyleMayDoNothingElse(int option) throws IOException {
        RawClient client = server.connect();
        client.hello(Nbd.FLAG_NO_ZEROES);
        client.send(new Bytes().option(option));
        client.expectEnd();
    }

    // NBD_OPT_EXPORT_NAME

    private static byte[] name(String name) {
        return name.getBytes(StandardCharsets.UTF_8);
    }

    private static void exportName(RawClient client, long size, int flags, boolean zeroes) throws IOException {
        ByteBuffer answer = ByteBuffer.wrap(client.read(zeroes ? 134 : 10));
        assertEquals(size, answer.getLong());
        assertEquals(flags, answer.getShort() & 0xffff);
        while (answer.hasRemaining()) {
            assertEquals(0, answer.get());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void exportNameLeadsToTransmission(boolean zeroes) throws IOException {
        RawClient client = server.connect();
        client.hello(zeroes ? Nbd.FLAG_FIXED_NEWSTYLE : RawClient.FIXED);
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/disk")));
        exportName(client, SIZE, ALL_FLAGS, zeroes);
        assertEquals(0, client.read(0, 512).error());
    }

    @Test
    void exportNameOffersWhatTheHeadersAllow() throws IOException {
        RawClient client = client();
        client.headers(ReplyMode.STRUCTURED);
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/disk")));
        exportName(client, SIZE, ALL_FLAGS | TransmissionFlags.SEND_DF, false);
        assertEquals(0, client.read(0, 512).error());
    }

    @Test
    void exportNameOfNothingEndsTheConnection() throws IOException {
        RawClient client = client();
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/none")));
        client.expectEnd();
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.MAX_STRING + 1, 20_000, 1 << 20})
    void exportNameOfOverLongTextEndsTheConnection(int length) throws IOException {
        RawClient client = client();
        byte[] name = new byte[length];
        Arrays.fill(name, (byte) 'x');
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name));
        client.expectEnd();
    }

    @Test
    void exportNameWithNulEndsTheConnection() throws IOException {
        RawClient client = client();
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/disk\0")));
        client.expectEnd();
    }

    @Test
    void exportNameMayLeadToBlocksThatEveryClientCanDo() throws IOException {
        RawClient client = client();
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/512")));
        exportName(client, SIZE, TransmissionFlags.HAS_FLAGS, false);
    }

    @Test
    void exportNameDoesNotLeadToLargerBlocks() throws IOException {
        RawClient client = client();
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME, name("mem/4k")));
        client.expectEnd();
        server.closeClients();
        server.awaitNothingLeft();
    }

    @Test
    void theEmptyNameIsTheOnlyExport() throws IOException {
        exports.volumes.keySet().retainAll(List.of("mem/disk"));
        RawClient client = client();
        client.send(new Bytes().option(Nbd.OPT_EXPORT_NAME));
        exportName(client, SIZE, ALL_FLAGS, false);
    }

    // NBD_OPT_ABORT

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5000, 13_000, 1 << 20})
    void abortIsAcknowledgedWhateverItCarries(int data) throws IOException {
        RawClient client = client();
        List<Answer> answers = client.ask(Nbd.OPT_ABORT, new byte[data]);
        assertEquals(Nbd.REP_ACK, answers.get(0).type());
        assertEquals(0, answers.get(0).data().length);
        client.expectEnd();
    }

    // NBD_OPT_LIST

    @Test
    void listNamesAllExports() throws IOException {
        RawClient client = client();
        List<Answer> answers = client.ask(Nbd.OPT_LIST);
        assertEquals(6, answers.size());
        assertEquals(Nbd.REP_ACK, answers.get(5).type());
        List<String> names = answers.subList(0, 5).stream()
                .map(a -> {
                    assertEquals(Nbd.REP_SERVER, a.type());
                    assertEquals(a.data().length - 4, a.buffer().getInt());
                    return Utf8.decode(a.data()).substring(4);
                })
                .toList();
        assertEquals(List.of("mem/4k", "mem/512", "mem/disk", "mem/plain", "mem/ro"), names);
        stillServed(client);
    }

    @Test
    void listOfNothingIsEmpty() throws IOException {
        exports.volumes.clear();
        List<Answer> answers = client().ask(Nbd.OPT_LIST);
        assertEquals(1, answers.size());
        assertEquals(Nbd.REP_ACK, answers.get(0).type());
    }

    @Test
    void listTakesNoData() throws IOException {
        RawClient client = client();
        refused(Nbd.REP_ERR_INVALID, client.ask(Nbd.OPT_LIST, new byte[] {0}));
        stillServed(client);
    }

    // NBD_OPT_INFO and NBD_OPT_GO

    private static Answer find(List<Answer> answers, int info) {
        List<Answer> found = answers.stream()
                .filter(a -> a.type() == Nbd.REP_INFO && a.buffer().getShort() == info)
                .toList();
        assertTrue(found.size() <= 1, () -> "told twice: " + found);
        return found.isEmpty() ? null : found.get(0);
    }

    private static void export(List<Answer> answers, long size, int flags) {
        ByteBuffer told = find(answers, Nbd.INFO_EXPORT).buffer();
        assertEquals(12, told.remaining());
        assertEquals(size, told.getLong(2));
        assertEquals(flags, told.getShort(10) & 0xffff);
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_INFO, Nbd.OPT_GO})
    void infoTellsSizeAndFlagsUnasked(int option) throws IOException {
        RawClient client = client();
        List<Answer> answers = client.ask(option, RawClient.info("mem/disk"));
        assertEquals(2, answers.size());
        export(answers, SIZE, ALL_FLAGS);
        assertEquals(Nbd.REP_ACK, answers.get(1).type());
    }

    @Test
    void infoTellsEachThingThatIsAskedFor() throws IOException {
        RawClient client = client();
        List<Answer> answers = client.ask(
                Nbd.OPT_INFO,
                RawClient.info(
                        "mem/disk",
                        Nbd.INFO_BLOCK_SIZE,
                        Nbd.INFO_NAME,
                        Nbd.INFO_EXPORT,
                        Nbd.INFO_DESCRIPTION,
                        Nbd.INFO_NAME,
                        4,
                        0xffff));
        assertEquals(5, answers.size(), answers::toString);
        export(answers, SIZE, ALL_FLAGS);
        assertEquals("mem/disk", find(answers, Nbd.INFO_NAME).text().substring(2));
        assertEquals(
                "a disk in memory", find(answers, Nbd.INFO_DESCRIPTION).text().substring(2));
        assertArrayEquals(
                new Bytes()
                        .u16(Nbd.INFO_BLOCK_SIZE)
                        .u32(1)
                        .u32(4096)
                        .u32(32 << 20)
                        .array(),
                find(answers, Nbd.INFO_BLOCK_SIZE).data());
        stillServed(client);
    }

    @Test
    void infoNamesADefaultExportAsTheListDoes() throws IOException {
        exports.volumes.keySet().retainAll(List.of("mem/disk"));
        List<Answer> answers = client().ask(Nbd.OPT_INFO, RawClient.info("", Nbd.INFO_NAME));
        assertEquals("mem/disk", find(answers, Nbd.INFO_NAME).text().substring(2));
    }

    @Test
    void infoHasNoDescriptionWhereThereIsNone() throws IOException {
        List<Answer> answers = client().ask(Nbd.OPT_INFO, RawClient.info("mem/plain", Nbd.INFO_DESCRIPTION));
        assertEquals(2, answers.size(), answers::toString);
        export(answers, 4096, TransmissionFlags.HAS_FLAGS);
    }

    @Test
    void infoOffersNoChangeOfWhatIsReadOnly() throws IOException {
        List<Answer> answers = client().ask(Nbd.OPT_INFO, RawClient.info("mem/ro"));
        export(
                answers,
                SIZE,
                TransmissionFlags.HAS_FLAGS
                        | TransmissionFlags.READ_ONLY
                        | TransmissionFlags.SEND_FLUSH
                        | TransmissionFlags.CAN_MULTI_CONN
                        | TransmissionFlags.SEND_CACHE);
    }

    @Test
    void infoOffersWhatEachCapabilityAllows() throws IOException {
        for (Capability capability : Capability.values()) {
            VolumeInfo.Builder builder = VolumeInfo.builder(4096).with(capability);
            if (capability == Capability.FAST_ZERO) {
                builder.with(Capability.WRITE_ZEROES);
            }
            exports.with("mem/one", new FakeVolume(builder.build(), r -> {}));
            int flags = TransmissionFlags.HAS_FLAGS
                    | switch (capability) {
                        case FLUSH -> TransmissionFlags.SEND_FLUSH;
                        case FUA -> TransmissionFlags.SEND_FUA;
                        case TRIM -> TransmissionFlags.SEND_TRIM;
                        case WRITE_ZEROES -> TransmissionFlags.SEND_WRITE_ZEROES;
                        case FAST_ZERO -> TransmissionFlags.SEND_WRITE_ZEROES | TransmissionFlags.SEND_FAST_ZERO;
                        case CACHE -> TransmissionFlags.SEND_CACHE;
                        case BLOCK_STATUS -> 0;
                        case MULTI_CONN -> TransmissionFlags.CAN_MULTI_CONN;
                        case ROTATIONAL -> TransmissionFlags.ROTATIONAL;
                    };
            export(client().ask(Nbd.OPT_INFO, RawClient.info("mem/one")), 4096, flags);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_INFO, Nbd.OPT_GO})
    void infoOfNothingIsRefused(int option) throws IOException {
        RawClient client = client();
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(option, RawClient.info("mem/none")));
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(option, RawClient.info("")));
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(option, RawClient.info("é".repeat(Nbd.MAX_STRING / 2))));
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(option, RawClient.info("x" + "é".repeat(Nbd.MAX_STRING / 2 - 1))));
        refused(
                Nbd.REP_ERR_UNKNOWN,
                client.ask(option, new Bytes().u32(2).u8(0xc3).u8(0x28).u16(0)));
        stillServed(client);
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_INFO, Nbd.OPT_GO})
    void infoOfWrongLengthsIsRefused(int option) throws IOException {
        RawClient client = client();
        List<Bytes> wrong = List.of(
                new Bytes(),
                new Bytes().u32(0),
                new Bytes().u32(0).u8(0),
                new Bytes().u32(8).text("mem/disk"),
                new Bytes().u32(8).text("mem/disk").u8(0),
                new Bytes().u32(9).text("mem/disk").u16(0),
                new Bytes().u32(7).text("mem/disk").u16(0),
                new Bytes().u32(10).text("mem/disk").u16(0),
                new Bytes().u32(0xffffffffL).text("mem/disk").u16(0),
                new Bytes().u32(0x80000000L).text("mem/disk").u16(0),
                new Bytes().string("mem/disk").u16(1),
                new Bytes().string("mem/disk").u16(1).u8(0),
                new Bytes().string("mem/disk").u16(1).u16(0).u8(0),
                new Bytes().string("mem/disk").u16(0).u16(0),
                new Bytes().string("mem/disk").u16(0xffff).u16(0),
                new Bytes().string("x".repeat(Nbd.MAX_STRING + 1)).u16(0),
                new Bytes().string("mem/disk\0").u16(0),
                new Bytes().string("\0").u16(0));
        for (Bytes data : wrong) {
            refused(Nbd.REP_ERR_INVALID, client.ask(option, data));
        }
        stillServed(client);
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_INFO, Nbd.OPT_GO})
    void infoWithThousandsOfRequestsIsAnsweredOrRefusedInStep(int option) throws IOException {
        RawClient client = client();
        assertFalse(RawClient.last(client.ask(Nbd.OPT_INFO, RawClient.info("mem/disk", new int[5000])))
                .isError());
        refused(Nbd.REP_ERR_TOO_BIG, client.ask(option, RawClient.info("mem/disk", new int[65535])));
        stillServed(client);
    }

    @ParameterizedTest
    @ValueSource(ints = {Nbd.OPT_INFO, Nbd.OPT_GO})
    void largerBlocksNeedAClientThatAsksForThem(int option) throws IOException {
        RawClient client = client();
        refused(Nbd.REP_ERR_BLOCK_SIZE_REQD, client.ask(option, RawClient.info("mem/4k", Nbd.INFO_NAME)));
        List<Answer> answers = client.ask(option, RawClient.info("mem/4k", Nbd.INFO_BLOCK_SIZE));
        assertArrayEquals(
                new Bytes()
                        .u16(Nbd.INFO_BLOCK_SIZE)
                        .u32(4096)
                        .u32(65536)
                        .u32(1 << 20)
                        .array(),
                find(answers, Nbd.INFO_BLOCK_SIZE).data());
        assertEquals(Nbd.REP_ACK, RawClient.last(answers).type());
    }

    // Options that are not known, or too much

    @ParameterizedTest
    @ValueSource(ints = {0, 4, 12, 77, 0x7fffffff, 0x80000000, 0xffffffff})
    void unknownOptionsAreRefusedInStep(int option) throws IOException {
        RawClient client = client();
        for (int data : new int[] {0, 1, 16, 4096, 16_384, 300_000, 1 << 20}) {
            refused(Nbd.REP_ERR_UNSUP, client.ask(option, new byte[data]));
        }
        stillServed(client);
    }

    @ParameterizedTest
    @ValueSource(longs = {(1 << 20) + 1, 0x7fffffffL, 0x80000000L, 0xffffffffL})
    void tooMuchDataEndsTheConnection(long length) throws IOException {
        for (int option : new int[] {Nbd.OPT_EXPORT_NAME, Nbd.OPT_ABORT, Nbd.OPT_LIST, Nbd.OPT_GO, 77}) {
            RawClient client = client();
            client.send(new Bytes().u64(Nbd.OPTION_MAGIC).u32(option).u32(length));
            client.expectEnd();
        }
    }

    @Test
    void startTlsIsRefusedWhereThereIsNone() throws IOException {
        RawClient client = client();
        refused(Nbd.REP_ERR_UNSUP, client.ask(Nbd.OPT_STARTTLS));
        refused(Nbd.REP_ERR_INVALID, client.ask(Nbd.OPT_STARTTLS, new byte[1]));
        stillServed(client);
    }

    @Test
    void optionsSentWithoutWaitingAreAnsweredInOrder() throws IOException {
        RawClient client = client();
        Bytes all = new Bytes();
        for (int i = 0; i < 500; i++) {
            all.option(1000 + i, new byte[i]);
        }
        client.send(all.option(Nbd.OPT_GO, RawClient.info("mem/disk")));
        for (int i = 0; i < 500; i++) {
            refused(Nbd.REP_ERR_UNSUP, client.answers(1000 + i));
        }
        assertEquals(Nbd.REP_ACK, RawClient.last(client.answers(Nbd.OPT_GO)).type());
        assertEquals(0, client.read(0, 1).error());
    }

    // Headers

    @Test
    void headersTakeNoData() throws IOException {
        for (int option : new int[] {Nbd.OPT_STRUCTURED_REPLY, Nbd.OPT_EXTENDED_HEADERS}) {
            RawClient client = client();
            refused(Nbd.REP_ERR_INVALID, client.ask(option, new byte[1]));
            export(
                    client.ask(Nbd.OPT_INFO, RawClient.info("mem/disk")),
                    SIZE,
                    ALL_FLAGS); // no DF: nothing was agreed on
            stillServed(client);
        }
    }

    @Test
    void headersAreAgreedOnOnce() throws IOException {
        for (int option : new int[] {Nbd.OPT_STRUCTURED_REPLY, Nbd.OPT_EXTENDED_HEADERS}) {
            RawClient client = client();
            client.acknowledged(option);
            refused(Nbd.REP_ERR_INVALID, client.ask(option));
            export(client.ask(Nbd.OPT_INFO, RawClient.info("mem/disk")), SIZE, ALL_FLAGS | TransmissionFlags.SEND_DF);
        }
    }

    @Test
    void extendedHeadersFollowStructuredReplies() throws IOException {
        RawClient client = client();
        client.acknowledged(Nbd.OPT_STRUCTURED_REPLY);
        client.headers(ReplyMode.EXTENDED);
        stillServed(client);
    }

    @Test
    void structuredRepliesDoNotFollowExtendedHeaders() throws IOException {
        RawClient client = client();
        client.headers(ReplyMode.EXTENDED);
        refused(Nbd.REP_ERR_EXT_HEADER_REQD, client.ask(Nbd.OPT_STRUCTURED_REPLY));
        stillServed(client);
    }

    // Metadata contexts

    private static final int LIST_CONTEXTS = Nbd.OPT_LIST_META_CONTEXT;
    private static final int SET_CONTEXTS = Nbd.OPT_SET_META_CONTEXT;

    private RawClient structured() throws IOException {
        RawClient client = client();
        client.headers(ReplyMode.STRUCTURED);
        return client;
    }

    private static void context(int id, List<Answer> answers) {
        assertEquals(2, answers.size(), answers::toString);
        assertEquals(Nbd.REP_META_CONTEXT, answers.get(0).type());
        assertArrayEquals(
                new Bytes().u32(id).text("base:allocation").array(),
                answers.get(0).data());
        assertEquals(Nbd.REP_ACK, answers.get(1).type());
    }

    private static void noContext(List<Answer> answers) {
        assertEquals(1, answers.size(), answers::toString);
        assertEquals(Nbd.REP_ACK, answers.get(0).type());
    }

    @Test
    void contextsNeedStructuredReplies() throws IOException {
        for (int option : new int[] {LIST_CONTEXTS, SET_CONTEXTS}) {
            RawClient client = client();
            refused(Nbd.REP_ERR_INVALID, client.ask(option, RawClient.contexts("mem/disk", "base:allocation")));
            stillServed(client);
        }
    }

    @Test
    void contextsAreListed() throws IOException {
        RawClient client = structured();
        context(0, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk")));
        context(0, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk", "base:")));
        context(0, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation")));
        context(0, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk", "x-y:z", "base:allocation", "base:")));
        noContext(client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk", "base:other", "qemu:", "x-y:", "")));
        stillServed(client);
    }

    @Test
    void listingSelectsNothing() throws IOException {
        RawClient client = structured();
        context(0, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation")));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }

    @Test
    void contextsAreSelected() throws IOException {
        RawClient client = structured();
        context(Nbd.BASE_ALLOCATION_ID, client.ask(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation")));
        context(
                Nbd.BASE_ALLOCATION_ID,
                client.ask(
                        SET_CONTEXTS,
                        RawClient.contexts("mem/disk", "x-y:z", "base:allocation", "base:allocation", "qemu:a")));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(0, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }

    @Test
    void wildcardsSelectNothing() throws IOException {
        RawClient client = structured();
        client.acknowledged(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation"));
        noContext(client.ask(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:", "")));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }

    @Test
    void noQueriesSelectNothing() throws IOException {
        RawClient client = structured();
        client.acknowledged(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation"));
        noContext(client.ask(SET_CONTEXTS, RawClient.contexts("mem/disk")));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }

    @Test
    void aFailedSelectionEndsTheEarlierOne() throws IOException {
        List<byte[]> wrong = List.of(
                RawClient.contexts("mem/none", "base:allocation"),
                new byte[0],
                new Bytes().string("mem/disk").u32(1).array());
        for (byte[] data : wrong) {
            RawClient client = structured();
            client.acknowledged(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation"));
            assertTrue(RawClient.last(client.ask(SET_CONTEXTS, data)).isError());
            client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
            assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
        }
    }

    @Test
    void aFailedListingLeavesTheSelection() throws IOException {
        RawClient client = structured();
        client.acknowledged(SET_CONTEXTS, RawClient.contexts("mem/disk", "base:allocation"));
        refused(Nbd.REP_ERR_UNKNOWN, client.ask(LIST_CONTEXTS, RawClient.contexts("mem/none")));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(0, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }

    @Test
    void aSelectionIsForOneExport() throws IOException {
        RawClient client = structured();
        client.acknowledged(SET_CONTEXTS, RawClient.contexts("mem/plain", "base:allocation"));
        client.acknowledged(Nbd.OPT_GO, RawClient.info("mem/disk"));
        assertEquals(22, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
        assertEquals(0, client.read(0, 512).error());
    }

    @Test
    void contextsOfWrongLengthsAreRefused() throws IOException {
        RawClient client = structured();
        List<Bytes> wrong = List.of(
                new Bytes(),
                new Bytes().u32(0),
                new Bytes().u32(8).text("mem/disk"),
                new Bytes().u32(8).text("mem/disk").u16(0),
                new Bytes().u32(9).text("mem/disk").u32(0),
                new Bytes().u32(0xffffffffL).text("mem/disk").u32(0),
                new Bytes().string("mem/disk").u32(1),
                new Bytes().string("mem/disk").u32(0xffffffffL),
                new Bytes().string("mem/disk").u32(0xffffffffL).string("base:allocation"),
                new Bytes().string("mem/disk").u32(2).string("base:allocation"),
                new Bytes().string("mem/disk").u32(1).u32(16).text("base:allocation"),
                new Bytes().string("mem/disk").u32(1).u32(0xffffffffL).text("base:allocation"),
                new Bytes().string("mem/disk").u32(1).u32(0x80000000L).text("base:allocation"),
                new Bytes().string("mem/disk").u32(1).u32(14).text("base:allocation"),
                new Bytes().string("mem/disk").u32(0).string("base:allocation"),
                new Bytes().string("mem/disk").u32(1).string("base:allocation\0"),
                new Bytes().string("mem/disk").u32(1).string("x".repeat(Nbd.MAX_STRING + 1)));
        for (int option : new int[] {LIST_CONTEXTS, SET_CONTEXTS}) {
            for (Bytes data : wrong) {
                refused(Nbd.REP_ERR_INVALID, client.ask(option, data));
            }
            refused(Nbd.REP_ERR_UNKNOWN, client.ask(option, RawClient.contexts("mem/none", "base:allocation")));
            refused(
                    Nbd.REP_ERR_TOO_BIG,
                    client.ask(option, new Bytes().string("mem/disk").u32(5000).raw(new byte[20_000])));
        }
        stillServed(client);
    }

    @Test
    void theLongestNameAndQueryAreTaken() throws IOException {
        String longest = "mem/" + "x".repeat(Nbd.MAX_STRING - 4);
        exports.with(longest, new MemoryVolume(4096));
        RawClient client = structured();
        List<Answer> answers = client.ask(
                SET_CONTEXTS, RawClient.contexts(longest, "x-y:" + "z".repeat(Nbd.MAX_STRING - 4), "base:allocation"));
        context(Nbd.BASE_ALLOCATION_ID, answers);
        client.acknowledged(Nbd.OPT_GO, RawClient.info(longest, Nbd.INFO_NAME));
        assertEquals(0, client.call(0, Nbd.CMD_BLOCK_STATUS, 0, 512).error());
    }
}
