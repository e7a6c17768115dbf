package org.nbdrunner.api.handler;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A volume over blocking calls: implement {@link #read} and {@link #write}, and override what the storage can do better.
 *
 * <p>The methods are called by several threads at once. An exception fails the request it was thrown from and nothing else.
 */
@ConsumerType
public abstract class SimpleVolume implements Volume {

    /** Number of threads that stands for "on the caller's thread": for storage that never waits. */
    public static final int CALLER_RUNS = 0;

    private static final int ZEROES = 1 << 16;

    private volatile VolumeInfo info;
    private final ThreadPoolExecutor executor;

    /**
     * A volume.
     *
     * @param info what it is and can
     * @param threads how many requests are served at once, each on a thread of its own that ends when idle; {@link #CALLER_RUNS} to
     *     serve each on the caller's thread
     */
    protected SimpleVolume(VolumeInfo info, int threads) {
        this.info = Objects.requireNonNull(info, "info");
        if (threads == CALLER_RUNS) {
            executor = null;
        } else {
            executor = new ThreadPoolExecutor(
                    threads, threads, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                        Thread t = new Thread(task, getClass().getName());
                        t.setDaemon(true);
                        return t;
                    });
            executor.allowCoreThreadTimeOut(true);
        }
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    /**
     * Takes note of a new size, for {@link #resize} or for storage that others resize. Requests that reach beyond it fail from now on.
     *
     * @param size bytes
     * @since 1.1
     */
    protected final void resized(long size) {
        info = info.withSize(size);
    }

    @Override
    public final void submit(IoRequest request) {
        if (executor == null) {
            serve(request);
        } else {
            executor.execute(() -> serve(request));
        }
    }

    private void serve(IoRequest request) {
        try {
            long offset = request.offset();
            long length = request.length();
            boolean changes = true;
            if (request.command() != Command.FLUSH && offset + length > info.size()) {
                throw new StorageException(Errno.EIO, "it has been made smaller than where this request ends");
            }
            switch (request.command()) {
                case READ -> {
                    read(request.buffer(), offset);
                    changes = false;
                }
                case WRITE -> write(request.buffer(), offset);
                case TRIM -> trim(offset, length);
                case WRITE_ZEROES -> zero(offset, length, request.noHole(), request.fastZero());
                case FLUSH -> {
                    flush();
                    changes = false;
                }
                case CACHE -> {
                    cache(offset, length);
                    changes = false;
                }
                case BLOCK_STATUS -> {
                    extents(request);
                    changes = false;
                }
            }
            if (changes && request.fua()) {
                flush();
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            request.fail(e);
            return;
        }
        request.complete();
    }

    /**
     * Fills a buffer.
     *
     * @param buffer what lies between position and limit is filled
     * @param offset bytes from the start of the volume
     * @throws IOException fails the request
     */
    protected abstract void read(ByteBuffer buffer, long offset) throws IOException;

    /**
     * Writes a buffer.
     *
     * @param buffer what lies between position and limit is written
     * @param offset bytes from the start of the volume
     * @throws IOException fails the request
     */
    protected abstract void write(ByteBuffer buffer, long offset) throws IOException;

    /**
     * Makes every write that has returned durable. Called for {@link Command#FLUSH} and after a request with {@link IoRequest#fua()}.
     * The default does nothing, which is right where a write is durable (or as durable as it gets) when it returns.
     *
     * @throws IOException fails the request
     */
    protected void flush() throws IOException {}

    /**
     * Gives up the content of a range. The default does nothing.
     *
     * @param offset bytes from the start of the volume
     * @param length bytes
     * @throws IOException fails the request
     */
    protected void trim(long offset, long length) throws IOException {}

    /**
     * Makes a range read as zeroes. The default writes zeroes, and refuses to if that had to be fast.
     *
     * @param offset bytes from the start of the volume
     * @param length bytes
     * @param noHole whether the range must stay allocated
     * @param fast whether to fail with {@link Errno#ENOTSUP} at once if this is no faster than writing zeroes
     * @throws IOException fails the request
     */
    protected void zero(long offset, long length, boolean noHole, boolean fast) throws IOException {
        if (fast) {
            throw new StorageException(Errno.ENOTSUP, "zeroing is no faster than writing zeroes here");
        }
        ByteBuffer zeroes = ByteBuffer.allocateDirect((int) Math.min(length, ZEROES));
        for (long done = 0; done < length; ) {
            int n = (int) Math.min(zeroes.capacity(), length - done);
            write(zeroes.clear().limit(n), offset + done);
            done += n;
        }
    }

    /**
     * Fetches a range that will be read soon. The default does nothing.
     *
     * @param offset bytes from the start of the volume
     * @param length bytes
     * @throws IOException fails the request
     */
    protected void cache(long offset, long length) throws IOException {}

    /**
     * Tells the extents of the request's range through {@link IoRequest#extent}; does not complete the request. The default tells one
     * extent of data.
     *
     * @param request of command {@link Command#BLOCK_STATUS}
     * @throws IOException fails the request
     */
    protected void extents(IoRequest request) throws IOException {
        request.extent(request.length(), false, false);
    }

    /**
     * Ends the threads. Override to close what the volume holds, and call this first.
     *
     * @throws IOException if something was lost
     */
    @Override
    public void close() throws IOException {
        if (executor != null) {
            executor.shutdown();
        }
    }
}
