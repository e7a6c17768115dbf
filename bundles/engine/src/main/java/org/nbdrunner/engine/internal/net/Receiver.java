package org.nbdrunner.engine.internal.net;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.nbdrunner.engine.internal.memory.Chunk;
import org.nbdrunner.engine.internal.memory.ChunkPool;

/**
 * What a connection has received and not used yet. One large read brings many requests; payloads are lent to volumes where they lie.
 *
 * <p>For the connection's reader alone, save that another thread may give back what was lent during a {@link Pause}.
 */
public final class Receiver implements AutoCloseable {
    /** How much a scattering read may take beyond the payload it is for: a few headers, and little that must be copied. */
    private static final int BEYOND = 4096;

    private static final int QUIET_READS = 16;

    /** Chunks that may be left for a small one while something of them is lent: what is lent little of takes more memory than it needs. */
    private static final int MAX_BEHIND = 4;

    /** Bytes that are cheaper copied than got by a system call of their own. */
    private static final int FEW = 8192;

    /** Is told when the reader begins to wait for bytes, and when it goes on: meanwhile another thread may give back what was lent. */
    public interface Pause {

        /** The reader is about to wait. */
        void begin();

        /** The reader goes on. */
        void end();
    }

    private static final Pause NONE = new Pause() {
        @Override
        public void begin() {}

        @Override
        public void end() {}
    };

    private final ChunkPool pool;
    private Pause pause = NONE;
    private Transport transport;
    private Chunk chunk;
    private ByteBuffer in;

    /** A large chunk of which something is lent, and where its rest begins: the next burst goes there. Null if there is none. */
    private Chunk parked;

    private int parkedRest;

    /** Chunks that were left while something of them was lent, and still is. */
    private int behind;

    /** Reads, one after the other, that brought little. */
    private int quiet;

    /** Long payloads are coming: what is read among the headers would have to be copied. */
    private boolean cautious;

    /**
     * Receives from a transport.
     *
     * @param pool gives larger chunks as they are needed
     * @param transport may be exchanged later
     */
    public Receiver(ChunkPool pool, Transport transport) {
        this.pool = pool;
        this.transport = transport;
        use(pool.take(ChunkPool.SMALL), 0);
    }

    /**
     * Tells of pauses from now on.
     *
     * @param listener is told, by the reader
     */
    public void onPause(Pause listener) {
        pause = listener;
    }

    private void use(Chunk next, int at) {
        chunk = next;
        in = next.buffer();
        in.clear().limit(at).position(at);
    }

    /**
     * Changes to another transport, as after NBD_OPT_STARTTLS. What was received and not used is forgotten.
     *
     * @param next the other transport
     */
    public void exchange(Transport next) {
        transport = next;
        in.position(in.limit());
    }

    /**
     * What is at hand: between position and limit. Use it up by moving the position.
     *
     * @return the buffer; another one after each {@link #fill}
     */
    public ByteBuffer in() {
        return in;
    }

    /**
     * Whether so many bytes are at hand.
     *
     * @param n how many
     * @return true if so
     */
    public boolean has(int n) {
        return in.remaining() >= n;
    }

    /**
     * Waits until so many bytes are at hand, contiguous.
     *
     * @param n how many, up to {@link ChunkPool#LARGE}
     * @return false if the stream ended at a point where nothing was at hand
     * @throws EOFException if it ended elsewhere
     * @throws IOException if the connection broke
     */
    public boolean fill(int n) throws IOException {
        boolean more = false;
        while (more || in.remaining() < n) {
            makeRoom(n);
            int end = in.limit();
            int start = in.position();
            int most = cautious ? Math.max(n - in.remaining(), BEYOND) : in.capacity();
            in.limit(end + Math.min(most, in.capacity() - end)).position(end);
            int got;
            pause.begin();
            try {
                got = transport.read(in);
            } finally {
                pause.end();
                in.limit(in.position()).position(start);
            }
            if (got < 0) {
                if (in.hasRemaining()) {
                    throw new EOFException("the stream ended within a message");
                }
                return false;
            }
            more = adapt(got);
        }
        return true;
    }

    /** Takes note of how much a read brought: bursts deserve a large chunk. Whether the rest of one is there already. */
    private boolean adapt(int got) {
        if (got < ChunkPool.SMALL) {
            quiet += isLarge() ? 1 : 0;
            return false;
        }
        quiet = 0;
        if (isLarge()) {
            return false;
        }
        grow(got);
        return transport.available() > 0;
    }

    private boolean isLarge() {
        return chunk.capacity() > ChunkPool.SMALL;
    }

    /** Provides for the next read: room for n bytes from the position on, contiguous, over nothing that is lent. */
    private void makeRoom(int n) {
        boolean lent = chunk.lent() != 0;
        if (!in.hasRemaining()) {
            if ((lent ? behind < MAX_BEHIND : isLarge()) && n <= ChunkPool.SMALL && isQuiet()) {
                shrink(n);
                return;
            }
            if (!lent) {
                in.clear().limit(0);
            }
        }
        if (!lent && in.position() > 0 && in.remaining() <= FEW && n <= in.capacity()) {
            in.compact().flip(); // a few bytes copied, for the largest possible read
            return;
        }
        int room = in.capacity() - in.limit();
        if (in.capacity() - in.position() >= n && room >= (lent ? FEW : 1)) {
            return;
        }
        if (!lent && n <= in.capacity()) {
            in.compact().flip();
        } else {
            grow(n);
        }
    }

    /** Whether the next read may have to wait for long, and large chunks should be there for others. */
    private boolean isQuiet() {
        return quiet > QUIET_READS || transport.available() == 0;
    }

    /** Goes on in a small chunk; nothing is at hand. */
    private void shrink(int n) {
        quiet = 0;
        if (!isLarge() && in.capacity() - in.limit() >= Math.max(n, ChunkPool.SMALL / 2)) {
            return;
        }
        if (isLarge() && chunk.lent() != 0) {
            parked = chunk;
            parkedRest = in.limit();
        }
        move(pool.take(ChunkPool.SMALL), 0);
    }

    /** Goes on where there is room for n bytes, and more, with what is at hand copied there. */
    private void grow(int n) {
        Chunk next = parked;
        parked = null;
        if (next != null && next.capacity() - parkedRest >= Math.max(n, in.remaining() + FEW)) {
            behind--;
            move(next, parkedRest);
        } else {
            move(pool.take(Math.max(n, ChunkPool.LARGE)), 0);
        }
    }

    private void move(Chunk next, int at) {
        Chunk old = chunk;
        ByteBuffer rest = in;
        use(next, at);
        in.limit(in.capacity()).put(rest).limit(in.position()).position(at);
        if (old.lent() == 0) {
            pool.put(old);
        } else {
            behind++;
        }
    }

    /**
     * Lends the next bytes, which are at hand, and skips them.
     *
     * @param length how many
     * @return a view of them
     */
    public ByteBuffer lend(int length) {
        cautious = false;
        ByteBuffer view = chunk.lend();
        view.limit(in.position() + length).position(in.position());
        in.position(in.position() + length);
        return view;
    }

    /**
     * The chunk that {@link #lend} lends from.
     *
     * @return to be given to {@link #giveBack}
     */
    public Chunk chunk() {
        return chunk;
    }

    /**
     * Takes a view back.
     *
     * @param from the chunk it was lent from
     * @param view the view
     */
    public void giveBack(Chunk from, ByteBuffer view) {
        from.giveBack(view);
        if (from.lent() == 0 && from != chunk) {
            behind--;
            if (from == parked) {
                parked = null;
            }
            pool.put(from);
        }
    }

    /**
     * Receives a payload that is too long to lie among the headers, without copying more of it than has been received already.
     *
     * @param into filled from position to limit; not touched by anything else
     * @throws EOFException if the stream ended
     * @throws IOException if the connection broke
     */
    public void receive(ByteBuffer into) throws IOException {
        int n = Math.min(into.remaining(), in.remaining());
        int end = in.limit();
        in.limit(in.position() + n);
        into.put(in);
        in.limit(end);
        if (!into.hasRemaining()) {
            return;
        }
        cautious = true;
        // Nothing is at hand now. What comes beyond the payload goes to the chunk, unless that is lent.
        boolean room = chunk.lent() == 0;
        while (into.hasRemaining()) {
            long got;
            if (room) {
                in.clear().limit(BEYOND);
                try {
                    got = transport.read(into, in);
                } finally {
                    in.flip();
                }
            } else {
                got = transport.read(into);
            }
            if (got < 0) {
                throw new EOFException("the stream ended within a payload");
            }
        }
    }

    /**
     * Skips bytes, waiting for them.
     *
     * @param length how many
     * @throws EOFException if the stream ended
     * @throws IOException if the connection broke
     */
    public void skip(long length) throws IOException {
        long left = length;
        while (left > 0) {
            if (!in.hasRemaining() && !fill(1)) {
                throw new EOFException("the stream ended within a payload");
            }
            int n = (int) Math.min(left, in.remaining());
            in.position(in.position() + n);
            left -= n;
        }
    }

    /** Gives the chunks back of which nothing is lent any more; the others are left to the garbage collector. */
    @Override
    public void close() {
        if (chunk.lent() == 0) {
            pool.put(chunk);
        }
    }
}
