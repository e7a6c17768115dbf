package org.nbdrunner.engine.internal.transmission;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.memory.Chunk;
import org.nbdrunner.engine.internal.memory.ChunkPool;

/**
 * A request in flight, with the place of its reply. Reused for ever by its connection.
 *
 * <p>The reader fills it and submits it; whoever completes it writes the reply's header and hands it to the sender; when the reply is
 * written it comes back to the reader.
 */
final class Request implements IoRequest {
    /** The state is one of these, and above them a number that each use of the request has to itself. */
    private static final int FREE = 0;

    private static final int SUBMITTED = 1;
    private static final int COMPLETED = 2;
    /** Its client was told that it failed; its volume still has it. Such a request is never used again. */
    private static final int OVERDUE = 3;
    /** Completed after all. */
    private static final int LATE = 4;

    private static final int PHASE = 7;
    private static final int NEXT_USE = 8;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Request.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Replies replies;
    private final ReplyMode mode;
    private final ChunkPool pool;

    /** The next one in a list of the sender's. */
    Request next;

    private volatile int state;

    /** When it was submitted, in System.nanoTime's terms. */
    private long since;

    /** Whether the export took it, and so must be told of its end. */
    boolean taken;

    private Command command;
    private int flags;
    private long cookie;
    private long offset;
    private long length;

    /** The payload of a write: from the receiver's chunk, or in one of its own. */
    Chunk payloadChunk;

    ByteBuffer payload;
    boolean payloadOwned;

    /** The region of the reply, header and data of a read. */
    Chunk replyChunk;

    ByteBuffer reply;
    private int replyStart;
    private int replyEnd;

    /** A reply of another length than expected: an error's text, extents. */
    private ByteBuffer special;

    /** Where it lies, if it is a long one. */
    private Chunk specialChunk;

    private boolean isSpecial;
    private ExtentList extents;

    Request(Replies replies, ReplyMode mode, ChunkPool pool) {
        this.pool = pool;
        this.replies = replies;
        this.mode = mode;
    }

    void begin(Command newCommand, int newFlags, long newCookie, long newOffset, long newLength) {
        command = newCommand;
        flags = newFlags;
        cookie = newCookie;
        offset = newOffset;
        length = newLength;
        isSpecial = false;
        if (newCommand == Command.BLOCK_STATUS) {
            if (extents == null) {
                extents = new ExtentList();
            }
            extents.begin(newLength, oneExtent());
        }
    }

    /** From here on it can be completed; and expires, if a volume has it. */
    void submitting(boolean toVolume) {
        taken = toVolume;
        since = System.nanoTime();
        STATE.setRelease(this, ((state & ~PHASE) + NEXT_USE) | SUBMITTED);
    }

    /** The gate did not let it through. False if it has expired meanwhile. */
    boolean withdraw() {
        int s = state;
        return (s & PHASE) == SUBMITTED && STATE.compareAndSet(this, s, phase(s, FREE));
    }

    /** Where the reply goes: a region of {@link #replyLength} bytes. */
    void replyAt(Chunk chunk, ByteBuffer view, int start) {
        replyChunk = chunk;
        reply = view;
        replyStart = start;
        replyEnd = start + replyLength();
        view.clear();
        if (command == Command.READ) {
            view.limit(replyEnd).position(start + mode.dataHeader);
        }
    }

    /** How long the reply is if all goes well. */
    int replyLength() {
        return command == Command.READ ? mode.dataHeader + (int) length : mode.doneReply;
    }

    /** Bytes of memory that it holds, besides itself, until it has been answered. */
    long weight() {
        return weight(command, flags, length);
    }

    /** Bytes of memory that such a request will hold. */
    static long weight(Command command, int flags, long length) {
        return switch (command) {
            case READ, WRITE -> length;
            case BLOCK_STATUS -> ExtentList.weight(length, (flags & Nbd.CMD_FLAG_REQ_ONE) != 0);
            default -> 0;
        };
    }

    /** Bytes that are free again, or sent, when its reply is written. */
    long pending() {
        return isSpecial ? special.limit() : weight();
    }

    @Override
    public Command command() {
        return command;
    }

    @Override
    public long offset() {
        return offset;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public ByteBuffer buffer() {
        return switch (command) {
            case READ -> reply;
            case WRITE -> payload;
            default -> null;
        };
    }

    @Override
    public boolean fua() {
        return (flags & Nbd.CMD_FLAG_FUA) != 0
                && (command == Command.WRITE || command == Command.WRITE_ZEROES || command == Command.TRIM);
    }

    @Override
    public boolean noHole() {
        return (flags & Nbd.CMD_FLAG_NO_HOLE) != 0;
    }

    @Override
    public boolean fastZero() {
        return (flags & Nbd.CMD_FLAG_FAST_ZERO) != 0;
    }

    @Override
    public boolean oneExtent() {
        return (flags & Nbd.CMD_FLAG_REQ_ONE) != 0;
    }

    @Override
    public boolean extent(long extentLength, boolean hole, boolean zero) {
        return extents.add(extentLength, hole, zero);
    }

    @Override
    public void complete() {
        if (!leaveSubmitted()) {
            return;
        }
        if (command == Command.BLOCK_STATUS) {
            if (extents.isEmpty()) {
                encodeError(Errno.EIO, "the volume told no extents");
            } else {
                tryEncodeExtents();
            }
        } else {
            encodeDone();
        }
        replies.completed(this);
    }

    @Override
    public void fail(Errno error, String message) {
        if (!leaveSubmitted()) {
            return;
        }
        encodeError(error, message);
        replies.failed(this, error, message);
        replies.completed(this);
    }

    private boolean leaveSubmitted() {
        int s = state;
        if ((s & PHASE) == SUBMITTED && STATE.compareAndSet(this, s, phase(s, COMPLETED))) {
            return true;
        }
        s = state;
        if ((s & PHASE) == OVERDUE && STATE.compareAndSet(this, s, phase(s, LATE))) {
            replies.completedLate(this);
        } else {
            replies.completedTwice(this);
        }
        return false;
    }

    private static int phase(int s, int phase) {
        return (s & ~PHASE) | phase;
    }

    /** Fails it if its volume has had it for too long. Any thread. */
    void expire(long now, long limit) {
        int s = state;
        if ((s & PHASE) == SUBMITTED && now - since > limit && STATE.compareAndSet(this, s, phase(s, OVERDUE))) {
            special = null; // its volume may be about to use what the request has; the answer must not lie there
            encodeOverdue();
            replies.overdue(this);
        }
    }

    /** Whether its volume may still touch it. */
    boolean isOverdue() {
        int phase = state & PHASE;
        return phase == OVERDUE || phase == LATE;
    }

    /** It has been answered; the reader may use it again. */
    void free() {
        STATE.setRelease(this, phase(state, FREE));
        if (specialChunk != null) {
            pool.put(specialChunk);
            specialChunk = null;
            special = null;
        }
        if (extents != null && extents.isLarge()) {
            extents = null;
        }
    }

    /** What is to be written, between position and limit. */
    ByteBuffer wire() {
        if (isSpecial) {
            return special;
        }
        return reply.limit(replyEnd).position(replyStart);
    }

    /** Whether this reply lies directly behind another one, so that one piece holds both. */
    boolean follows(Request other) {
        return !isSpecial && !other.isSpecial && replyChunk == other.replyChunk && replyStart == other.replyEnd;
    }

    /** Where the reply ends in its chunk. */
    int replyEnd() {
        return replyEnd;
    }

    /** The region of the reply, whatever the volume has left it as. */
    private ByteBuffer ownReply() {
        return reply.clear().order(ByteOrder.BIG_ENDIAN);
    }

    private void encodeDone() {
        ByteBuffer b = ownReply();
        int at = replyStart;
        boolean read = command == Command.READ;
        if (mode == ReplyMode.EXTENDED) {
            putExtended(b, at, read ? Nbd.REPLY_TYPE_OFFSET_DATA : Nbd.REPLY_TYPE_NONE, read ? length + 8 : 0);
        } else if (mode == ReplyMode.STRUCTURED && read) {
            putStructured(b, at, Nbd.REPLY_TYPE_OFFSET_DATA, (int) length + 8);
        } else {
            b.putInt(at, Nbd.SIMPLE_REPLY_MAGIC).putInt(at + 4, 0).putLong(at + 8, cookie);
            return;
        }
        if (read) {
            b.putLong(at + mode.dataHeader - 8, offset);
        }
    }

    private void encodeError(Errno error, String message) {
        // "Not supported" is an answer to NBD_CMD_FLAG_FAST_ZERO and to nothing else.
        boolean fast = command == Command.WRITE_ZEROES && fastZero();
        int number = Nbd.error(error == Errno.ENOTSUP && !fast ? Errno.EIO : error);
        if (mode == ReplyMode.SIMPLE) {
            ownReply()
                    .putInt(replyStart, Nbd.SIMPLE_REPLY_MAGIC)
                    .putInt(replyStart + 4, number)
                    .putLong(replyStart + 8, cookie);
            replyEnd = replyStart + 16;
            return;
        }
        encodeErrorChunk(number, message);
    }

    private void encodeOverdue() {
        int number = Nbd.error(Errno.EIO);
        if (mode == ReplyMode.SIMPLE) {
            isSpecial = true;
            special = ByteBuffer.allocateDirect(16)
                    .putInt(Nbd.SIMPLE_REPLY_MAGIC)
                    .putInt(number)
                    .putLong(cookie)
                    .flip();
        } else {
            encodeErrorChunk(number, "the storage has not answered in time");
        }
    }

    private void encodeErrorChunk(int number, String message) {
        byte[] text = message == null ? new byte[0] : Nbd.text(message, Nbd.MAX_STRING / 4);
        ByteBuffer b = special(mode == ReplyMode.EXTENDED ? 32 : 20, 6 + text.length, Nbd.REPLY_TYPE_ERROR);
        b.putInt(number).putShort((short) text.length).put(text).flip();
    }

    private void tryEncodeExtents() {
        try {
            encodeExtents();
        } catch (OutOfMemoryError e) {
            encodeError(Errno.ENOMEM, "no memory is left for the extents");
        }
    }

    private void encodeExtents() {
        int n = extents.size();
        if (mode == ReplyMode.EXTENDED) {
            ByteBuffer b = special(32, 8 + 16 * n, Nbd.REPLY_TYPE_BLOCK_STATUS_EXT);
            b.putInt(Nbd.BASE_ALLOCATION_ID).putInt(n);
            for (int i = 0; i < n; i++) {
                b.putLong(extents.length(i)).putLong(extents.flags(i));
            }
            b.flip();
        } else {
            ByteBuffer b = special(20, 4 + 8 * n, Nbd.REPLY_TYPE_BLOCK_STATUS);
            b.putInt(Nbd.BASE_ALLOCATION_ID);
            for (int i = 0; i < n; i++) {
                b.putInt((int) extents.length(i)).putInt(extents.flags(i));
            }
            b.flip();
        }
    }

    /** Begins a chunk outside of the reply's region. */
    private ByteBuffer special(int header, int payloadLength, int type) {
        int length = header + payloadLength;
        if (length > Nbd.MAX_STRING) {
            specialChunk = pool.take(length);
            special = specialChunk.buffer();
        } else if (special == null || special.capacity() < length) {
            special = ByteBuffer.allocateDirect(length);
        }
        isSpecial = true;
        special.clear();
        if (header == 32) {
            putExtended(special, 0, type, payloadLength);
        } else {
            putStructured(special, 0, type, payloadLength);
        }
        return special.position(header);
    }

    private void putStructured(ByteBuffer b, int at, int type, int payloadLength) {
        b.putInt(at, Nbd.STRUCTURED_REPLY_MAGIC)
                .putShort(at + 4, (short) Nbd.REPLY_FLAG_DONE)
                .putShort(at + 6, (short) type)
                .putLong(at + 8, cookie)
                .putInt(at + 16, payloadLength);
    }

    private void putExtended(ByteBuffer b, int at, int type, long payloadLength) {
        b.putInt(at, Nbd.EXTENDED_REPLY_MAGIC)
                .putShort(at + 4, (short) Nbd.REPLY_FLAG_DONE)
                .putShort(at + 6, (short) type)
                .putLong(at + 8, cookie)
                .putLong(at + 16, offset)
                .putLong(at + 24, payloadLength);
    }

    @Override
    public String toString() {
        return command + " of " + length + " bytes at " + offset;
    }
}
