package org.nbdrunner.engine.internal.transmission;

import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.EngineSettings;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.memory.Chunk;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Receiver;
import org.nbdrunner.engine.internal.net.Transport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transmission phase of one connection: decodes as many requests as a read brought, submits them, and has the replies written
 * before it waits for more.
 *
 * <p>Everything here runs on the connection's reader thread, save {@link #abandon} and the like. While the reader waits for requests, the
 * writer thread takes back in its stead what has been answered, so that an idle connection holds no buffers of its last burst: whoever has
 * the lock may touch what requests hold, and the reader has it but for its pauses.
 */
public final class Transmission implements Receiver.Pause {
    private static final Logger LOG = LoggerFactory.getLogger(Transmission.class);

    /** Longer payloads get a chunk of their own, so that they need not be moved to lie contiguous among the headers. */
    private static final int LONG_PAYLOAD = 1 << 15;

    /** A client that sends more than this after a refused write is not worth listening to. */
    private static final long MAX_SKIP = 2L * VolumeInfo.MAX_PAYLOAD;

    private static final int COMMON_FLAGS = Nbd.CMD_FLAG_FUA;

    private static final VarHandle SUBMITTING = submittingField();

    private final Transport transport;
    private final Receiver receiver;
    private final OpenExport export;
    private final VolumeInfo info;

    /** Where requests must end. */
    private long reach;

    private final ReplyMode mode;
    private final boolean blockStatus;
    private final EngineSettings settings;
    private final ChunkPool pool;
    private final Replies replies;
    private final BusyPoll poll;

    /** All that were made, for the watch over overdue ones. */
    private final List<Request> all = new CopyOnWriteArrayList<>();

    private final ReentrantLock books = new ReentrantLock();

    private Request free;
    private int inFlight;

    /** Whether a request has come since the timer last looked. */
    private boolean used;

    private long memoryInFlight;

    /** Requests, and the memory they keep, that were given up as overdue. */
    private int lost;

    private long memoryLost;

    /** Where replies are put. */
    private Chunk chunk;

    private boolean busy;
    private volatile boolean abandoned;

    /** What the reader is in the volume with. Written by the reader in opaque mode: it costs nothing, and is seen some time. */
    @SuppressWarnings("unused")
    private Request submitting;

    /** What {@link #expire} found there the last time, and whether it gave up; its own. */
    private Request overdueHeld;

    private boolean stuck;

    /**
     * A transmission phase; made by the thread that runs it.
     *
     * @param transport the connection
     * @param receiver has what was received of it
     * @param export what the client chose
     * @param mode the headers agreed on
     * @param blockStatus whether the client may ask for extents
     * @param settings limits
     * @param pool for replies and payloads
     */
    public Transmission(
            Transport transport,
            Receiver receiver,
            OpenExport export,
            ReplyMode mode,
            boolean blockStatus,
            EngineSettings settings,
            ChunkPool pool) {
        this.transport = transport;
        this.receiver = receiver;
        this.export = export;
        this.info = export.info();
        this.reach = info.size();
        this.mode = mode;
        this.blockStatus = blockStatus;
        this.settings = settings;
        this.pool = pool;
        this.poll = new BusyPoll(transport);
        this.replies = new Replies(transport, export, this::reclaimInPause);
    }

    private static VarHandle submittingField() {
        try {
            return MethodHandles.lookup().findVarHandle(Transmission.class, "submitting", Request.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * Serves the client until it says goodbye, goes away, breaks the protocol, or {@link Transport#stopReading} is called; then waits for
     * what is in flight and answers it.
     *
     * @return whether the client said goodbye
     */
    public boolean run() {
        boolean clean = false;
        books.lock();
        receiver.onPause(this);
        try {
            clean = serveAll();
        } catch (EOFException e) {
            LOG.debug("{}: {}: {}", export.name(), transport.peer(), e.getMessage());
        } catch (ProtocolException e) {
            LOG.warn("{}: {} is cut off: {}", export.name(), transport.peer(), e.getMessage());
        } catch (IOException e) {
            LOG.debug("{}: {} is gone: {}", export.name(), transport.peer(), e.toString());
            replies.abandon();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (OutOfMemoryError e) {
            LOG.error(
                    "{}: {} is cut off, no memory is left for it: {}", export.name(), transport.peer(), e.getMessage());
        } finally {
            export.disconnected();
            drain();
        }
        return clean;
    }

    @Override
    public void begin() {
        books.unlock();
        reclaimInPause(); // what was written just before: the writer has found the lock taken
    }

    @Override
    public void end() {
        books.lock();
    }

    /** Takes back what has been written, if the reader waits for bytes. Any thread. */
    void reclaimInPause() {
        if (replies.hasRecycled() && books.tryLock()) {
            try {
                reclaim();
                rest();
            } finally {
                books.unlock();
            }
        }
    }

    private boolean serveAll() throws IOException, InterruptedException {
        for (; ; ) {
            int requests = 0;
            while (receiver.has(mode.requestHeader)) {
                requests++;
                if (replies.isBroken()) {
                    return false; // the client is gone, and many requests of its may be at hand
                }
                if (!serve()) {
                    return true;
                }
                if (replies.pending() >= ChunkPool.LARGE) {
                    replies.flush(this);
                }
            }
            replies.flush(this);
            rest();
            poll.beforeWait(requests, inFlight);
            if (!receiver.fill(mode.requestHeader)) {
                return false;
            }
            poll.afterWait();
        }
    }

    /** Before the thread may block: a large chunk can serve others meanwhile. */
    private void rest() {
        if (chunk != null && chunk.capacity() > ChunkPool.SMALL && chunk.lent() == 0) {
            pool.put(chunk);
            chunk = null;
        }
    }

    /** Decodes one request and submits it. False for a goodbye. */
    private boolean serve() throws IOException, InterruptedException {
        ByteBuffer in = receiver.in();
        int at = in.position();
        boolean extended = mode == ReplyMode.EXTENDED;
        int magic = in.getInt(at);
        if (magic != (extended ? Nbd.EXTENDED_REQUEST_MAGIC : Nbd.REQUEST_MAGIC)) {
            throw new ProtocolException(String.format("a request begins with %08x", magic));
        }
        int flags = in.getShort(at + 4) & 0xffff;
        int type = in.getShort(at + 6) & 0xffff;
        long cookie = in.getLong(at + 8);
        long offset = in.getLong(at + 16);
        long length = extended ? in.getLong(at + 24) : in.getInt(at + 24) & 0xffffffffL;
        in.position(at + mode.requestHeader);
        if (type == Nbd.CMD_DISC) {
            return false;
        }
        boolean payload = type == Nbd.CMD_WRITE || (extended && (flags & Nbd.CMD_FLAG_PAYLOAD_LEN) != 0);
        if (payload && (length < 0 || length > MAX_SKIP)) {
            throw new ProtocolException("a request with a payload of " + Long.toUnsignedString(length) + " bytes");
        }
        Command command = command(type);
        Errno error = check(command, flags, offset, length);
        Request request = acquire(error == null ? Request.weight(command, flags, length) : 0);
        request.begin(command == null ? Command.FLUSH : command, flags, cookie, offset, error == null ? length : 0);
        if (payload) {
            takePayload(request, (int) length, error != null);
        }
        place(request);
        used = true;
        inFlight++;
        memoryInFlight += request.weight();
        if (error != null) {
            request.submitting(false);
            request.fail(error, refusal(command, error));
        } else if (command == Command.BLOCK_STATUS && !info.can(Capability.BLOCK_STATUS)) {
            request.submitting(false);
            request.extent(length, false, false);
            request.complete();
        } else {
            submit(request);
        }
        return true;
    }

    private static Command command(int type) {
        return switch (type) {
            case Nbd.CMD_READ -> Command.READ;
            case Nbd.CMD_WRITE -> Command.WRITE;
            case Nbd.CMD_FLUSH -> Command.FLUSH;
            case Nbd.CMD_TRIM -> Command.TRIM;
            case Nbd.CMD_CACHE -> Command.CACHE;
            case Nbd.CMD_WRITE_ZEROES -> Command.WRITE_ZEROES;
            case Nbd.CMD_BLOCK_STATUS -> Command.BLOCK_STATUS;
            default -> null;
        };
    }

    private static boolean carriesData(Command command) {
        return command == Command.READ || command == Command.WRITE;
    }

    /** What is wrong with a request, as the protocol prescribes for each command; null if nothing is. */
    private Errno check(Command command, int flags, long offset, long length) {
        if (command == null) {
            return Errno.EINVAL;
        }
        if ((flags & Nbd.CMD_FLAG_FUA) != 0 && !info.can(Capability.FUA)) {
            return Errno.EINVAL;
        }
        int known = COMMON_FLAGS;
        boolean offered = true;
        boolean changes = false;
        switch (command) {
            case READ -> known |= mode == ReplyMode.SIMPLE ? 0 : Nbd.CMD_FLAG_DF;
            case WRITE -> {
                changes = true;
                known |= mode == ReplyMode.EXTENDED ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0;
            }
            case FLUSH -> offered = info.can(Capability.FLUSH);
            case TRIM -> {
                changes = true;
                offered = info.can(Capability.TRIM);
            }
            case WRITE_ZEROES -> {
                changes = true;
                offered = info.can(Capability.WRITE_ZEROES);
                known |= Nbd.CMD_FLAG_NO_HOLE | (info.can(Capability.FAST_ZERO) ? Nbd.CMD_FLAG_FAST_ZERO : 0);
            }
            case CACHE -> offered = info.can(Capability.CACHE);
            case BLOCK_STATUS -> {
                offered = blockStatus;
                known |= Nbd.CMD_FLAG_REQ_ONE;
            }
        }
        if ((flags & ~known) != 0) {
            return Errno.EINVAL;
        }
        if (changes && info.readOnly()) {
            return Errno.EPERM;
        }
        if (!offered) {
            return Errno.EINVAL;
        }
        return checkRange(command, offset, length);
    }

    private Errno checkRange(Command command, long offset, long length) {
        if (command == Command.FLUSH) {
            return offset == 0 && length == 0 ? null : Errno.EINVAL;
        }
        if (length == 0) {
            return Errno.EINVAL;
        }
        if (carriesData(command) && (length < 0 || length > info.maximumPayload())) {
            return Errno.EINVAL;
        }
        if (isBeyond(offset, length)) {
            reach = Math.max(info.size(), export.reach());
        }
        if (isBeyond(offset, length)) {
            return command == Command.WRITE || command == Command.WRITE_ZEROES ? Errno.ENOSPC : Errno.EINVAL;
        }
        return ((offset | length) & (info.minimumBlock() - 1)) == 0 ? null : Errno.EINVAL;
    }

    /** Both are unsigned: what is negative here lies far beyond any end. */
    private boolean isBeyond(long offset, long length) {
        return offset < 0 || length < 0 || offset > reach || length > reach - offset;
    }

    private String refusal(Command command, Errno error) {
        return switch (error) {
            case EPERM -> "the export is read-only";
            case ENOSPC -> "beyond the end of the export, which has " + reach + " bytes";
            default ->
                command == null
                        ? "unknown command"
                        : "invalid " + command
                                + ": not offered, unknown flags, empty, too long, beyond the end or not aligned";
        };
    }

    /** A request to fill, when there is room for it. */
    private Request acquire(long weight) throws IOException, InterruptedException {
        if (free == null) {
            reclaim();
        }
        while (full(weight)) {
            replies.flush(this);
            if (reclaim() == 0 && full(weight)) {
                replies.awaitRecycled();
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
        }
        if (lost > settings.maxRequests() / 2 || memoryLost > settings.connectionMemory() / 2) {
            throw new ProtocolException("the handler of its export has left " + lost + " requests unanswered");
        }
        Request request = free;
        if (request == null) {
            request = new Request(replies, mode, pool);
            all.add(request);
            return request;
        }
        free = request.next;
        request.next = null;
        return request;
    }

    private boolean full(long weight) {
        return inFlight > 0
                && ((free == null && all.size() >= settings.maxRequests())
                        || memoryInFlight + memoryLost + weight > settings.connectionMemory());
    }

    private void takePayload(Request request, int length, boolean skip) throws IOException {
        if (!receiver.has(length)) {
            replies.flush(this);
        }
        if (skip) {
            receiver.skip(length);
        } else if (length > LONG_PAYLOAD) {
            takeLongPayload(request, length);
        } else {
            if (!receiver.fill(length)) {
                throw new EOFException("the stream ended before a payload");
            }
            request.payloadOwned = false;
            request.payload = receiver.lend(length);
            request.payloadChunk = receiver.chunk();
        }
    }

    private void takeLongPayload(Request request, int length) throws IOException {
        Chunk own = pool.take(length);
        ByteBuffer payload = own.lend().clear().limit(length);
        boolean whole = false;
        try {
            receiver.receive(payload);
            whole = true;
        } finally {
            if (!whole) {
                own.giveBack(payload);
                pool.put(own);
            }
        }
        request.payloadChunk = own;
        request.payloadOwned = true;
        request.payload = payload.flip();
    }

    /** Gives a request the region for its reply. */
    private void place(Request request) {
        int length = request.replyLength();
        int start = chunk == null ? -1 : chunk.cut(length);
        if (start < 0) {
            if (chunk != null) {
                busy = true;
                if (chunk.lent() == 0) {
                    pool.put(chunk);
                }
            }
            chunk = pool.take(Math.max(length, busy ? ChunkPool.LARGE : ChunkPool.SMALL));
            start = chunk.cut(length);
        }
        request.replyAt(chunk, chunk.lend(), start);
    }

    private void submit(Request request) throws InterruptedException {
        SUBMITTING.setOpaque(this, request);
        try {
            trySubmit(request);
        } finally {
            SUBMITTING.setOpaque(this, null);
        }
    }

    private void trySubmit(Request request) throws InterruptedException {
        request.submitting(true);
        while (!export.submit(request)) {
            if (!request.withdraw()) {
                return;
            }
            replies.flush(this);
            try {
                export.awaitOpen();
            } catch (StorageException e) {
                request.submitting(false);
                request.fail(e);
                return;
            }
            request.submitting(true);
        }
    }

    /** A request has been answered: what it held is free again. */
    void release(Request request) {
        inFlight--;
        memoryInFlight -= request.weight();
        if (request.isOverdue()) {
            // Its volume may still write to its buffers: they are never used again.
            lost++;
            memoryLost += request.weight();
            return;
        }
        if (request.payload != null) {
            if (request.payloadOwned) {
                request.payloadChunk.giveBack(request.payload);
                pool.put(request.payloadChunk);
            } else {
                receiver.giveBack(request.payloadChunk, request.payload);
            }
            request.payload = null;
            request.payloadChunk = null;
        }
        Chunk c = request.replyChunk;
        c.giveBack(request.reply);
        if (c.lent() == 0) {
            if (c == chunk) {
                c.reset();
            } else {
                pool.put(c);
            }
        }
        request.replyChunk = null;
        request.reply = null;
        request.free();
        request.next = free;
        free = request;
    }

    /** Takes back what the writer thread has written. */
    int reclaim() {
        int n = 0;
        Request r = replies.takeRecycled();
        while (r != null) {
            Request next = r.next;
            release(r);
            r = next;
            n++;
        }
        return n;
    }

    private void drain() {
        replies.flush(this);
        while (inFlight > 0 && !abandoned) {
            replies.flush(this);
            if (reclaim() == 0 && inFlight > 0) {
                replies.awaitRecycled();
                if (Thread.interrupted() && abandoned) {
                    break;
                }
            }
        }
        replies.close();
        if (inFlight > 0) {
            LOG.error(
                    "{}: its handler does not complete what {} has asked for; requests left behind: {}",
                    export.name(),
                    transport.peer(),
                    inFlight);
            return; // their buffers may still be written to: leave them to the garbage collector
        }
        if (chunk != null && chunk.lent() == 0) {
            pool.put(chunk);
        }
        chunk = null;
        transport.stopWriting();
        receiver.close();
    }

    /**
     * Gives up what the last burst has left, if the client has been silent since the last call: an idle connection keeps little. The
     * timer's thread.
     */
    public void trim() {
        if (!books.tryLock()) {
            return; // it is busy
        }
        try {
            if (!used && inFlight == 0 && lost == 0) {
                if (chunk != null && chunk.lent() == 0) {
                    pool.put(chunk);
                    chunk = null;
                }
                busy = false;
                all.clear();
                free = null;
                replies.trim();
            }
            used = false;
        } finally {
            books.unlock();
        }
    }

    /**
     * Fails the requests that the volume has had for too long. Any thread, but one at a time.
     *
     * @param time System.nanoTime's
     * @return false, once, if the volume keeps the reader, too: nothing that the client sends will ever be read
     */
    public boolean expire(long time) {
        if (stuck) {
            return true;
        }
        Request held = (Request) SUBMITTING.getOpaque(this);
        long limit = export.requestTimeout().toNanos();
        for (Request request : all) {
            request.expire(time, limit);
        }
        boolean overdue = held != null && held.isOverdue();
        // If it was given up the last time already, the client has been told.
        stuck = overdue && held == overdueHeld;
        overdueHeld = overdue ? held : null;
        if (stuck) {
            LOG.error("{}: its handler does not return from {}; {} is cut off", export.name(), held, transport.peer());
            export.disconnected();
            discard();
        }
        return !stuck;
    }

    /** Sends nothing more: the connection has lost its export. Any thread. */
    public void discard() {
        replies.abandon();
    }

    /**
     * Gives up waiting for what is in flight. Any thread.
     *
     * @param reader the thread that runs this
     */
    public void abandon(Thread reader) {
        abandoned = true;
        reader.interrupt();
    }
}
