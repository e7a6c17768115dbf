package org.nbdrunner.kit;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;

/**
 * A request as the engine would make it, which watches what the volume does: its buffer lies amid guard bytes, and completions are
 * counted.
 */
public final class TestRequest implements IoRequest {
    /** How long a request may take before a test gives up. */
    public static final long LIMIT_S = 60;

    private static final int GUARD = 64;
    private static final byte GUARD_BYTE = 0x5a;

    /** The flag of {@link #fua()}. */
    public static final int FUA = 1;
    /** The flag of {@link #noHole()}. */
    public static final int NO_HOLE = 2;
    /** The flag of {@link #fastZero()}. */
    public static final int FAST_ZERO = 4;
    /** The flag of {@link #oneExtent()}. */
    public static final int ONE_EXTENT = 8;

    /**
     * An extent that a volume told.
     *
     * @param length bytes
     * @param hole whether it is not allocated
     * @param zero whether it reads as zeroes
     */
    public record Extent(long length, boolean hole, boolean zero) {}

    private final Command command;
    private final long offset;
    private final long length;
    private final int flags;
    private final ByteBuffer whole;
    private final ByteBuffer view;
    private final List<Extent> extents = new ArrayList<>();
    private final AtomicInteger completions = new AtomicInteger();
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    private TestRequest(Command command, long offset, long length, int flags) {
        this.command = command;
        this.offset = offset;
        this.length = length;
        this.flags = flags;
        if (command == Command.READ || command == Command.WRITE) {
            whole = ByteBuffer.allocateDirect((int) length + 2 * GUARD);
            for (int i = 0; i < whole.capacity(); i++) {
                whole.put(i, GUARD_BYTE);
            }
            view = whole.duplicate().limit(GUARD + (int) length).position(GUARD);
        } else {
            whole = null;
            view = null;
        }
    }

    /**
     * A read.
     *
     * @param offset bytes
     * @param length bytes
     * @return the request
     */
    public static TestRequest read(long offset, int length) {
        return new TestRequest(Command.READ, offset, length, 0);
    }

    /**
     * A write.
     *
     * @param offset bytes
     * @param data what is written
     * @param flags {@link #FUA} or 0
     * @return the request
     */
    public static TestRequest write(long offset, byte[] data, int flags) {
        TestRequest r = new TestRequest(Command.WRITE, offset, data.length, flags);
        r.whole.put(GUARD, data);
        return r;
    }

    /**
     * Any other request.
     *
     * @param command the command
     * @param offset bytes
     * @param length bytes
     * @param flags flags of this class
     * @return the request
     */
    public static TestRequest of(Command command, long offset, long length, int flags) {
        return new TestRequest(command, offset, length, flags);
    }

    /**
     * Submits it and waits for its end.
     *
     * @param volume the volume
     * @return this
     * @throws StorageException if it failed
     */
    public TestRequest run(Volume volume) throws StorageException {
        submit(volume);
        await();
        return this;
    }

    /**
     * Submits it, as the engine does.
     *
     * @param volume the volume
     * @return this
     */
    public TestRequest submit(Volume volume) {
        try {
            volume.submit(this);
        } catch (RuntimeException e) {
            fail(e);
        }
        return this;
    }

    /**
     * Waits for its end and checks that nothing around its buffer was touched.
     *
     * @throws StorageException if it failed
     */
    public void await() throws StorageException {
        try {
            done.get(LIMIT_S, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof StorageException s) {
                throw new StorageException(s.errno(), s.getMessage(), s);
            }
            throw new AssertionError(e.getCause());
        } catch (TimeoutException e) {
            throw new AssertionError(this + " has not completed after " + LIMIT_S + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
        checkGuards();
    }

    private void checkGuards() {
        if (whole == null) {
            return;
        }
        for (int i = 0; i < GUARD; i++) {
            if (whole.get(i) != GUARD_BYTE || whole.get(whole.capacity() - 1 - i) != GUARD_BYTE) {
                throw new AssertionError(this + " was given more than its buffer holds");
            }
        }
    }

    /**
     * The data that were read or are written.
     *
     * @return a copy
     */
    public byte[] data() {
        byte[] data = new byte[(int) length];
        whole.get(GUARD, data);
        return data;
    }

    /**
     * The extents that were told.
     *
     * @return as they came
     */
    public List<Extent> extents() {
        return extents;
    }

    /**
     * How often it was completed.
     *
     * @return 1 if all is well
     */
    public int completions() {
        return completions.get();
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
        return view;
    }

    @Override
    public boolean fua() {
        return (flags & FUA) != 0;
    }

    @Override
    public boolean noHole() {
        return (flags & NO_HOLE) != 0;
    }

    @Override
    public boolean fastZero() {
        return (flags & FAST_ZERO) != 0;
    }

    @Override
    public boolean oneExtent() {
        return (flags & ONE_EXTENT) != 0;
    }

    @Override
    public boolean extent(long extentLength, boolean hole, boolean zero) {
        if (command != Command.BLOCK_STATUS || extentLength <= 0) {
            throw new IllegalStateException("an extent of " + extentLength + " bytes for " + this);
        }
        extents.add(new Extent(extentLength, hole, zero));
        return !oneExtent() && extents.stream().mapToLong(Extent::length).sum() < length;
    }

    @Override
    public void complete() {
        completions.incrementAndGet();
        done.complete(null);
    }

    @Override
    public void fail(Errno error, String message) {
        completions.incrementAndGet();
        done.completeExceptionally(new StorageException(error, message));
    }

    @Override
    public String toString() {
        return command + " of " + length + " bytes at " + offset;
    }
}
