package org.nbdrunner.engine.internal;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * A client that can send any bytes, right or wrong, and reads any answer in bounded time. It checks that what it reads is what the
 * protocol allows: magics, types, lengths, error numbers, cookies.
 *
 * <p>Not for use by several threads, save that one may send while another reads.
 */
final class RawClient implements AutoCloseable {
    static final int FIXED = Nbd.FLAG_FIXED_NEWSTYLE | Nbd.FLAG_NO_ZEROES;

    private static final int PATIENCE_MS = 30_000;
    private static final Set<Integer> ERRORS = Set.of(1, 5, 12, 22, 28, 75, 95, 108);

    /** What the client remembers of a request in flight. */
    private static final class Sent {
        final int type;
        final long offset;
        final long length;
        int error;
        String text = "";
        byte[] data = new byte[0];
        final List<Reply.Extent> extents = new ArrayList<>();

        Sent(int type, long offset, long length) {
            this.type = type;
            this.offset = offset;
            this.length = length;
        }
    }

    private Socket socket;
    private DataInputStream in;
    private ReplyMode mode = ReplyMode.SIMPLE;
    private final Map<Long, Sent> inFlight = new HashMap<>();
    private long lastCookie = 0x4e42_4400_0000_0000L;

    RawClient(SocketAddress server) throws IOException {
        this(connect(server, 0));
    }

    RawClient(Socket connected) throws IOException {
        use(connected);
    }

    /** Connects with a receive buffer of a size that does not grow; 0 for the usual one. */
    static Socket connect(SocketAddress server, int receiveBuffer) throws IOException {
        Socket socket = new Socket();
        if (receiveBuffer > 0) {
            socket.setReceiveBufferSize(receiveBuffer);
        }
        socket.connect(server, PATIENCE_MS);
        return socket;
    }

    /** Goes on over another socket, such as one that encrypts. */
    void use(Socket other) throws IOException {
        socket = other;
        socket.setSoTimeout(PATIENCE_MS);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 1 << 16));
    }

    Socket socket() {
        return socket;
    }

    /** As the server sees it. */
    String name() {
        InetSocketAddress local = (InetSocketAddress) socket.getLocalSocketAddress();
        return local.getAddress().getHostAddress() + ":" + local.getPort();
    }

    ReplyMode mode() {
        return mode;
    }

    /** Other headers have been agreed on. */
    void mode(ReplyMode agreed) {
        mode = agreed;
    }

    // Bytes

    void send(byte... bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    void send(Bytes bytes) throws IOException {
        send(bytes.array());
    }

    byte[] read(int length) throws IOException {
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    InputStream in() {
        return in;
    }

    /** Nothing more is sent; reading goes on. */
    void stopWriting() throws IOException {
        socket.shutdownOutput();
    }

    /** The connection is torn down, not closed in order. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    /** Waits for the server to end the connection; fails if it says anything before. */
    void expectEnd() throws IOException {
        int next;
        try {
            next = in.read();
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server does not end the connection", e);
        } catch (SocketException e) {
            return;
        }
        if (next >= 0) {
            throw new AssertionError(String.format("the server says %02x… instead of ending the connection", next));
        }
    }

    /** Reads whatever comes until the server ends the connection. */
    long drain() throws IOException {
        byte[] buffer = new byte[1 << 16];
        long all = 0;
        try {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                all += n;
            }
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server does not end the connection", e);
        } catch (SocketException e) {
            return all;
        }
        return all;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    // Handshake

    /** Reads the greeting and answers it. */
    void hello(int flags) throws IOException {
        greeting();
        send(new Bytes().u32(flags));
    }

    RawClient hello() throws IOException {
        hello(FIXED);
        return this;
    }

    void greeting() throws IOException {
        expect("NBDMAGIC", in.readLong() == Nbd.INIT_PASSWD);
        expect("IHAVEOPT", in.readLong() == Nbd.OPTION_MAGIC);
        expect("handshake flags", in.readUnsignedShort() == FIXED);
    }

    /** Sends an option and reads all replies to it. */
    List<Answer> ask(int option, byte... data) throws IOException {
        send(new Bytes().option(option, data));
        return answers(option);
    }

    List<Answer> ask(int option, Bytes data) throws IOException {
        return ask(option, data.array());
    }

    /** Reads all replies to an option. */
    List<Answer> answers(int option) throws IOException {
        List<Answer> all = new ArrayList<>();
        do {
            all.add(answer());
            expect("option echoed", all.get(all.size() - 1).option() == option);
        } while (!all.get(all.size() - 1).isFinal());
        return all;
    }

    Answer answer() throws IOException {
        expect("reply magic", in.readLong() == Nbd.OPTION_REPLY_MAGIC);
        int option = in.readInt();
        int type = in.readInt();
        int length = in.readInt();
        expect("reply length " + length, length >= 0 && length <= 2 * Nbd.MAX_STRING);
        return new Answer(option, type, read(length));
    }

    /** The last reply, which says how it went. */
    static Answer last(List<Answer> answers) {
        return answers.get(answers.size() - 1);
    }

    void acknowledged(int option, byte... data) throws IOException {
        acknowledged(ask(option, data));
    }

    private static void acknowledged(List<Answer> answers) {
        Answer answer = last(answers);
        expect("acknowledged, not " + answer, answer.type() == Nbd.REP_ACK);
    }

    /** Data of NBD_OPT_INFO and NBD_OPT_GO. */
    static byte[] info(String name, int... requests) {
        Bytes b = new Bytes().string(name).u16(requests.length);
        for (int request : requests) {
            b.u16(request);
        }
        return b.array();
    }

    /** Data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
    static byte[] contexts(String name, String... queries) {
        Bytes b = new Bytes().string(name).u32(queries.length);
        for (String query : queries) {
            b.string(query);
        }
        return b.array();
    }

    void headers(ReplyMode wanted) throws IOException {
        if (wanted != ReplyMode.SIMPLE) {
            acknowledged(headersOption(wanted));
        }
        mode = wanted;
    }

    private static int headersOption(ReplyMode wanted) {
        return wanted == ReplyMode.EXTENDED ? Nbd.OPT_EXTENDED_HEADERS : Nbd.OPT_STRUCTURED_REPLY;
    }

    /** Greets and goes on to the transmission phase, with block status if the headers allow it. */
    RawClient open(String export, ReplyMode wanted) throws IOException {
        send(negotiation(new Bytes().u32(FIXED), export, wanted));
        greeting();
        return negotiated(wanted);
    }

    /** Likewise, once it has greeted. */
    RawClient go(String export, ReplyMode wanted) throws IOException {
        send(negotiation(new Bytes(), export, wanted));
        return negotiated(wanted);
    }

    /** Some options at once, to save the time of waiting for each reply. */
    private static Bytes negotiation(Bytes message, String export, ReplyMode wanted) {
        if (wanted != ReplyMode.SIMPLE) {
            message.option(headersOption(wanted))
                    .option(Nbd.OPT_SET_META_CONTEXT, contexts(export, Nbd.BASE_ALLOCATION));
        }
        return message.option(Nbd.OPT_GO, info(export, Nbd.INFO_BLOCK_SIZE));
    }

    private RawClient negotiated(ReplyMode wanted) throws IOException {
        if (wanted != ReplyMode.SIMPLE) {
            acknowledged(answers(headersOption(wanted)));
            acknowledged(answers(Nbd.OPT_SET_META_CONTEXT));
        }
        acknowledged(answers(Nbd.OPT_GO));
        mode = wanted;
        return this;
    }

    /** The negotiation of the legacy protocol, as a little-endian client speaks it. */
    RawClient openLegacy(String cfgstring) throws IOException {
        send(legacyName(cfgstring));
        expect("accepted", in.readLong() == 0);
        return this;
    }

    static Bytes legacyName(String cfgstring) {
        byte[] name = cfgstring.getBytes(StandardCharsets.UTF_8);
        return new Bytes().u32(Integer.reverseBytes(name.length)).raw(name);
    }

    // Transmission

    /** A new cookie, under which a request's reply will be known. */
    long cookie() {
        lastCookie = lastCookie * 0x5851f42d4c957f2dL + 0x14057b7ef767814fL;
        return lastCookie;
    }

    /** Puts a request with what belongs to it into a message, to be sent with others. */
    long put(Bytes message, int flags, int type, long offset, long length, byte... payload) {
        long cookie = cookie();
        inFlight.put(cookie, new Sent(type, offset, length));
        if (mode == ReplyMode.EXTENDED) {
            message.extendedRequest(flags, type, cookie, offset, length);
        } else {
            message.request(flags, type, cookie, offset, length);
        }
        message.raw(payload);
        return cookie;
    }

    long putWrite(Bytes message, int flags, long offset, byte... payload) {
        int f = mode == ReplyMode.EXTENDED ? flags | Nbd.CMD_FLAG_PAYLOAD_LEN : flags;
        return put(message, f, Nbd.CMD_WRITE, offset, payload.length, payload);
    }

    /** Sends a request and reads its reply; nothing else is in flight. */
    Reply call(int flags, int type, long offset, long length, byte... payload) throws IOException {
        Bytes message = new Bytes();
        long cookie = put(message, flags, type, offset, length, payload);
        send(message);
        return reply(cookie);
    }

    Reply write(int flags, long offset, byte... payload) throws IOException {
        Bytes message = new Bytes();
        long cookie = putWrite(message, flags, offset, payload);
        send(message);
        return reply(cookie);
    }

    Reply read(long offset, int length) throws IOException {
        return call(0, Nbd.CMD_READ, offset, length);
    }

    void disconnect() throws IOException {
        Bytes message = new Bytes();
        if (mode == ReplyMode.EXTENDED) {
            message.extendedRequest(0, Nbd.CMD_DISC, 0, 0, 0);
        } else {
            message.request(0, Nbd.CMD_DISC, 0, 0, 0);
        }
        send(message);
    }

    private Reply reply(long cookie) throws IOException {
        Reply reply = reply();
        expect("the cookie of the only request", reply.cookie() == cookie);
        return reply;
    }

    int inFlight() {
        return inFlight.size();
    }

    /** Reads messages until one request is answered. */
    Reply reply() throws IOException {
        Reply reply;
        try {
            do {
                reply = message();
            } while (reply == null);
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server does not answer", e);
        } catch (EOFException e) {
            throw new AssertionError("the server ends the connection and has not answered all", e);
        }
        return reply;
    }

    private Reply message() throws IOException {
        int magic = in.readInt();
        if (magic == Nbd.SIMPLE_REPLY_MAGIC) {
            return simple();
        }
        boolean extended = mode == ReplyMode.EXTENDED;
        int wanted = extended ? Nbd.EXTENDED_REPLY_MAGIC : Nbd.STRUCTURED_REPLY_MAGIC;
        expect("magic " + Integer.toHexString(magic), mode != ReplyMode.SIMPLE && magic == wanted);
        int flags = in.readUnsignedShort();
        int type = in.readUnsignedShort();
        long cookie = in.readLong();
        Sent sent = inFlight.get(cookie);
        expect("a cookie in flight", sent != null);
        expect("reply flags", (flags & ~Nbd.REPLY_FLAG_DONE) == 0);
        if (extended) {
            expect("the request's offset", in.readLong() == sent.offset);
        }
        long length = extended ? in.readLong() : in.readInt() & 0xffffffffL;
        boolean done = flags == Nbd.REPLY_FLAG_DONE;
        chunk(sent, type, length, done);
        return done ? finish(cookie, sent) : null;
    }

    private Reply simple() throws IOException {
        expect("no simple reply among extended ones", mode != ReplyMode.EXTENDED);
        int error = in.readInt();
        long cookie = in.readLong();
        Sent sent = inFlight.get(cookie);
        expect("a cookie in flight", sent != null);
        expect("NBD's error number, not " + error, error == 0 || ERRORS.contains(error));
        sent.error = error;
        if (mode == ReplyMode.STRUCTURED) {
            expect("a reply in chunks", sent.type != Nbd.CMD_READ && sent.type != Nbd.CMD_BLOCK_STATUS);
        } else if (sent.type == Nbd.CMD_READ && error == 0) {
            sent.data = read((int) sent.length);
        }
        return finish(cookie, sent);
    }

    private void chunk(Sent sent, int type, long length, boolean done) throws IOException {
        switch (type) {
            case Nbd.REPLY_TYPE_NONE -> expect("an empty last chunk", length == 0 && done);
            case Nbd.REPLY_TYPE_OFFSET_DATA -> {
                expect("data for a read", sent.type == Nbd.CMD_READ && length > 8);
                long from = in.readLong() - sent.offset;
                if (sent.data.length == 0) {
                    sent.data = new byte[(int) sent.length];
                }
                expect("data within the request", from >= 0 && from + length - 8 <= sent.length);
                in.readFully(sent.data, (int) from, (int) length - 8);
            }
            case Nbd.REPLY_TYPE_BLOCK_STATUS -> {
                expect("compact extents", mode == ReplyMode.STRUCTURED && sent.type == Nbd.CMD_BLOCK_STATUS);
                expect("whole extents", length > 4 && length % 8 == 4);
                expect("the context's number", in.readInt() == Nbd.BASE_ALLOCATION_ID);
                for (long i = 0; i < length / 8; i++) {
                    sent.extents.add(new Reply.Extent(in.readInt() & 0xffffffffL, in.readInt() & 0xffffffffL));
                }
            }
            case Nbd.REPLY_TYPE_BLOCK_STATUS_EXT -> {
                expect("extended extents", mode == ReplyMode.EXTENDED && sent.type == Nbd.CMD_BLOCK_STATUS);
                expect("the context's number", in.readInt() == Nbd.BASE_ALLOCATION_ID);
                expect("whole extents", length == 8 + 16L * in.readInt());
                for (long i = 0; i < (length - 8) / 16; i++) {
                    sent.extents.add(new Reply.Extent(in.readLong(), in.readLong()));
                }
            }
            case Nbd.REPLY_TYPE_ERROR -> {
                sent.error = in.readInt();
                expect("NBD's error number, not " + sent.error, ERRORS.contains(sent.error));
                byte[] text = read(in.readUnsignedShort());
                expect("no more than a text", length == 6 + text.length);
                sent.text = Utf8.decode(text);
            }
            default -> expect("a chunk of type " + type, false);
        }
    }

    private Reply finish(long cookie, Sent sent) {
        inFlight.remove(cookie);
        if (sent.type == Nbd.CMD_READ && sent.error == 0) {
            expect("all of the data", sent.data.length == sent.length);
        }
        if (sent.type == Nbd.CMD_BLOCK_STATUS && sent.error == 0) {
            expect("an extent at least", !sent.extents.isEmpty());
            long all = 0;
            for (Reply.Extent extent : sent.extents) {
                expect("an extent's length", extent.length() > 0);
                all += extent.length();
            }
            expect("extents within the request", all <= sent.length);
        }
        return new Reply(cookie, sent.error, sent.text, sent.data, sent.extents);
    }

    private static void expect(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError("expected: " + what);
        }
    }
}
