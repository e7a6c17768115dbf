package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.DataInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.List;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Errno;

/** Byte for byte what the C project's programs say and hear. */
class VectorsTest {
    private final FakeControl control = new FakeControl();
    private ControlServer server;

    @BeforeEach
    void start() throws IOException {
        server = new ControlServer(control, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8, 5000);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    /** Sends a captured call to the real server and gives the reply, record mark included. */
    private byte[] send(byte[] call) throws IOException {
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            s.setSoTimeout(10_000);
            s.getOutputStream().write(call);
            DataInputStream in = new DataInputStream(s.getInputStream());
            int head = in.readInt();
            byte[] reply = new byte[4 + (head & 0x7fffffff)];
            for (int i = 0; i < 4; i++) {
                reply[i] = (byte) (head >>> (24 - 8 * i));
            }
            in.readFully(reply, 4, reply.length - 4);
            return reply;
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            rpc-create-call | create gluster vol0/disk0 67108864 false
            rpc-create-prealloc-call | create gluster vol0/pre 16777216 true
            rpc-create-utf8-call | create gluster vol0/é-ü 1048576 false
            rpc-delete-call | delete gluster vol0/disk0
            rpc-premap-call | premap gluster vol0/disk0 false 30
            rpc-premap-readonly-call | premap gluster vol0/pre true 60
            rpc-postmap-call | postmap gluster vol0/disk0 [/dev/nbd0] [2026-11-22 17:37:47]
            rpc-postmap-rollback-call | postmap gluster vol0/disk0 [] []
            rpc-unmap-by-device-call | unmap gluster [] [/dev/nbd0]
            rpc-unmap-by-backstore-call | unmap gluster [vol0/pre] []
            rpc-unmap-unknown-call | unmap gluster [vol0/none] []
            rpc-list-all-call | list []
            rpc-list-gluster-call | list [gluster]
            """)
    void callsAreUnderstood(String vector, String expected) throws IOException {
        send(Vectors.read(vector));
        assertEquals(expected, masked(control.asked.get(0)));
    }

    /** The device and time of the captured POSTMAP calls differ from run to run; their shape does not. */
    private static String masked(String s) {
        return s.replaceAll("\\[2026-11-22 \\d\\d:\\d\\d:\\d\\d\\]", "[2026-11-22 17:37:47]");
    }

    @ParameterizedTest
    @CsvSource({
        "rpc-create-call,1",
        "rpc-create-prealloc-call,1",
        "rpc-create-utf8-call,1",
        "rpc-delete-call,2",
        "rpc-premap-call,3",
        "rpc-premap-readonly-call,3",
        "rpc-unmap-by-backstore-call,5",
        "rpc-unmap-unknown-call,5",
        "rpc-list-all-call,6",
        "rpc-list-gluster-call,6",
        "rpc-unmap-by-device-call,5",
        "rpc-postmap-call,4",
        "rpc-postmap-rollback-call,4"
    })
    void ourCallsAreTheSameButForGarbage(String vector, int procedure) throws Exception {
        byte[] captured = Vectors.read(vector);
        XdrBufferDecodingStream in =
                new XdrBufferDecodingStream(Arrays.copyOfRange(captured, 4, captured.length), captured.length - 4);
        in.beginDecoding();
        Call call = Call.decode(in);
        Arguments a = Arguments.decode(1, procedure, in, 4156);
        XdrBufferEncodingStream out = new XdrBufferEncodingStream(16384);
        out.beginEncoding(null, 0);
        Call.encode(out, call.xid(), 1, procedure);
        a.encode(1, procedure, out);
        byte[] ours = Arrays.copyOf(out.getXdrData(), out.getXdrLength());
        byte[] theirs = Arrays.copyOfRange(captured, 4, captured.length);
        assertEquals(theirs.length, ours.length);
        for (int i = 0; i < ours.length; i += 4) {
            // What C leaves behind a NUL is zeroes with us; all else is the same.
            if (!Arrays.equals(ours, i, i + 4, theirs, i, i + 4)) {
                assertEquals(0, ours[i] | ours[i + 1] | ours[i + 2] | ours[i + 3], vector + " at " + i);
            }
        }
    }

    private static byte[] clean(byte[] reply, int textLength) {
        byte[] c = reply.clone();
        int stale = 4 + 24 + 4 + 4 + ((textLength + 3) & ~3);
        Arrays.fill(c, stale, c.length, (byte) 0);
        return c;
    }

    @Test
    void refusalsAreTheSame() throws IOException {
        control.refusal = new ControlException(Errno.EEXIST, "vol0/disk0 already exists!");
        byte[] call = Vectors.read("rpc-create-call");
        byte[] expected = clean(Vectors.read("rpc-create-exists-reply"), 26);
        System.arraycopy(call, 4, expected, 4, 4); // the transaction's number
        assertArrayEquals(expected, send(call));
        control.refusal = new ControlException(Errno.EBUSY, "vol0/disk0 already mapped to /dev/nbd0!");
        call = Vectors.read("rpc-premap-call");
        expected = clean(Vectors.read("rpc-premap-busy-reply"), 39);
        System.arraycopy(call, 4, expected, 4, 4);
        assertArrayEquals(expected, send(call));
        control.refusal = new ControlException(Errno.ENODEV, "There is no maping for 'vol0/none'!");
        call = Vectors.read("rpc-unmap-unknown-call");
        assertArrayEquals(clean(Vectors.read("rpc-unmap-unknown-reply"), 35), send(call));
    }

    @Test
    void premapAndUnmapAnswersAreTheSame() throws IOException {
        assertArrayEquals(Vectors.read("rpc-premap-ok-reply"), send(Vectors.read("rpc-premap-call")));
        assertArrayEquals(
                clean(Vectors.read("rpc-unmap-by-backstore-ok-reply"), 9),
                send(Vectors.read("rpc-unmap-by-backstore-call")));
        assertArrayEquals(
                clean(Vectors.read("rpc-unmap-by-device-ok-reply"), 0), send(Vectors.read("rpc-unmap-by-device-call")));
        assertArrayEquals(clean(Vectors.read("rpc-postmap-ok-reply"), 0), send(Vectors.read("rpc-postmap-call")));
    }

    @Test
    void aDeadMappingNamesItsDevice() throws IOException {
        control.premapped = new Premapped("/dev/nbd3", "", 24111, 1 << 20, 512, 0, 1);
        byte[] reply = send(Vectors.read("rpc-premap-call"));
        Answer a = decode(reply);
        assertEquals(-17, a.exit);
        assertEquals("/dev/nbd3", a.text);
        assertEquals("127.0.0.1", a.host);
        assertEquals(24111, a.port);
        assertEquals(1 << 20, a.size);
        assertEquals(512, a.blockSize);
    }

    private static Answer decode(byte[] reply) throws IOException {
        try {
            XdrBufferDecodingStream in =
                    new XdrBufferDecodingStream(Arrays.copyOfRange(reply, 4, reply.length), reply.length - 4);
            in.beginDecoding();
            int xid = in.xdrDecodeInt();
            in = new XdrBufferDecodingStream(Arrays.copyOfRange(reply, 4, reply.length), reply.length - 4);
            in.beginDecoding();
            assertEquals(Call.SUCCESS, Call.decodeReply(in, xid));
            return Answer.decode(1, in);
        } catch (org.acplt.oncrpc.OncRpcException e) {
            throw new IOException(e);
        }
    }

    @Test
    void listingsAreTheSame() throws IOException {
        assertArrayEquals(Vectors.read("rpc-list-empty-reply"), send(Vectors.read("rpc-list-all-call")));
        byte[] expected = Vectors.read("rpc-list-two-mapped-reply");
        String time = decode(expected).text.replaceAll("(?s).*?\"maptime\":\"([^\"]*)\".*", "$1");
        control.backstores = List.of(
                new BackstoreInfo(
                        "gluster",
                        0,
                        "vol0/disk0",
                        BackstoreState.MAPPED,
                        "/dev/nbd0",
                        time,
                        67108864,
                        4096,
                        30,
                        false,
                        false),
                new BackstoreInfo(
                        "gluster",
                        0,
                        "vol0/pre",
                        BackstoreState.MAPPED,
                        "/dev/nbd7",
                        time,
                        16777216,
                        4096,
                        60,
                        false,
                        true));
        assertArrayEquals(clean(expected, decode(expected).text.length()), send(Vectors.read("rpc-list-gluster-call")));
        assertEquals(control.backstores, Listing.parse(decode(expected).text));
    }

    @Test
    void livenessTellsTheStartOfTheProcess() throws IOException {
        Instant start =
                Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());
        while (Instant.now().isBefore(start.plusSeconds(1))) {
            Thread.onSpinWait(); // until now is another second
        }
        try (LivenessServer l = new LivenessServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                Socket s = new Socket(InetAddress.getLoopbackAddress(), l.port())) {
            assertArrayEquals(
                    LivenessServer.message(start.atZone(ZoneId.systemDefault())),
                    s.getInputStream().readAllBytes());
        }
    }

    @Test
    void livenessIsTheSame() throws IOException {
        ZonedDateTime start = ZonedDateTime.of(2026, 11, 22, 17, 37, 41, 0, ZoneOffset.UTC);
        assertArrayEquals(Vectors.read("ping-reply"), LivenessServer.message(start));
        try (LivenessServer l = new LivenessServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), start);
                Socket s = new Socket(InetAddress.getLoopbackAddress(), l.port())) {
            assertArrayEquals(Vectors.read("ping-reply"), s.getInputStream().readAllBytes());
        }
        assertEquals(
                "Sun Mar  1 00:00:00 2026\n",
                new String(
                        LivenessServer.message(ZonedDateTime.of(2026, 3, 1, 0, 0, 0, 0, ZoneOffset.UTC)),
                        0,
                        25,
                        java.nio.charset.StandardCharsets.US_ASCII));
    }
}
