package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * An open page blob.
 *
 * <p>The service answers a write when it has stored it for good, and a write is completed no sooner. So a flush has nothing to do, and every
 * write is as a forced one.
 */
final class AzblkVolume implements Volume {
    private static final int PAGE = 512;
    private static final int PREFERRED = 4096;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 16).asReadOnlyBuffer();

    /** How much is asked for at once when extents are wanted: the more, the fewer there are. */
    private static final long LEAST_RANGE = 16L << 20;

    private static final long MOST_RANGE = 64L << 30;
    private static final int FEW_EXTENTS = 256;
    private static final int MANY_EXTENTS = 16384;

    private final String key;
    private final String lease;
    private final boolean readOnly;
    private final Duration timeout;
    private final Retrier retrier;
    private final Fence fence;
    private final Dispatcher dispatcher;
    private final ReadAhead readAhead;
    private volatile VolumeInfo info;
    private volatile long rangeLength = LEAST_RANGE;

    /** How often it was resized from here: an answer to what was asked before may tell an older size. */
    private volatile int resizings;

    /**
     * A volume.
     *
     * @param address of the blob
     * @param settings how it is used
     * @param timeout the bound of retries
     * @param fence null if nothing is to be written
     * @param properties the blob's
     */
    AzblkVolume(
            BlobAddress address, Settings settings, Duration timeout, Retrier retrier, Fence fence, Answer properties) {
        this.key = address.key();
        this.lease = fence == null ? "" : address.lease();
        this.readOnly = fence == null;
        this.timeout = timeout;
        this.retrier = retrier;
        this.fence = fence;
        this.dispatcher = new Dispatcher(settings.inFlight(), settings.merge(), this::call);
        this.readAhead = new ReadAhead(settings.readAhead(), () -> info.size(), this::fetch);
        this.info = describe(properties.number("content-length", 0), Fence.identity(properties));
    }

    private VolumeInfo describe(long size, String identity) {
        VolumeInfo.Builder b = VolumeInfo.builder(size)
                .readOnly(readOnly)
                .minimumBlock(PAGE)
                .preferredBlock(PREFERRED)
                .description("page blob " + key)
                .identity(identity)
                .with(Capability.FLUSH, Capability.MULTI_CONN, Capability.BLOCK_STATUS);
        if (!readOnly) {
            b.with(Capability.FUA, Capability.TRIM, Capability.WRITE_ZEROES, Capability.FAST_ZERO);
        }
        return b.build();
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    @Override
    public void submit(IoRequest request) {
        if (request.offset() + request.length() > info.size()) {
            request.fail(Errno.EIO, key + ": it has " + info.size() + " bytes only, it was resized");
            return;
        }
        long deadline = System.nanoTime() + timeout.toNanos();
        switch (request.command()) {
            case READ -> read(request, deadline);
            case WRITE -> write(request, deadline);
            case TRIM -> clear(request, deadline);
            case WRITE_ZEROES -> {
                if (!request.noHole()) {
                    clear(request, deadline);
                } else if (request.fastZero()) {
                    request.fail(Errno.ENOTSUP, key + ": zeroes that take up space are no faster than other data");
                } else {
                    writeZeroes(request, deadline);
                }
            }
            case BLOCK_STATUS -> extents(request, deadline);
            case FLUSH -> request.complete();
            case CACHE -> request.fail(Errno.ENOTSUP, key + ": nothing is cached");
        }
    }

    @Override
    public void resize(long size) throws IOException {
        if (readOnly) {
            throw new StorageException(Errno.EROFS, key + " cannot be written");
        } else if (size > AzblkHandler.LARGEST_BLOB) {
            throw new StorageException(
                    Errno.EFBIG, key + ": a page blob has at most " + AzblkHandler.LARGEST_BLOB + " bytes (8 TiB)");
        }
        long before = info.size();
        AzblkHandler.await(retrier.run(System.nanoTime() + timeout.toNanos(), () -> Call.resize(size, lease)));
        synchronized (this) {
            resizings++;
            info = info.withSize(size);
        }
        long cut = Math.min(before, size);
        readAhead.written(cut, Math.max(before, size) - cut);
    }

    /** A part of a request. */
    private record Part(long offset, ByteBuffer data) {}

    private static List<Part> split(IoRequest request) {
        ByteBuffer buffer = request.buffer();
        List<Part> parts = new ArrayList<>(1);
        for (int at = 0; at < request.length(); at += Dispatcher.LARGEST) {
            int n = (int) Math.min(Dispatcher.LARGEST, request.length() - at);
            parts.add(new Part(request.offset() + at, buffer.slice(buffer.position() + at, n)));
        }
        return parts;
    }

    private void read(IoRequest request, long deadline) {
        List<Part> parts = split(request);
        Fanout end = new Fanout(request, parts.size());
        for (Part p : parts) {
            readAhead.read(
                    p.offset(), p.data(), end, () -> submit(Batch.Kind.READ, p.offset(), deadline, p.data(), end));
        }
    }

    private void fetch(long offset, ByteBuffer into, Batch.End end) {
        submit(Batch.Kind.READ, offset, System.nanoTime() + timeout.toNanos(), into, end);
    }

    private void write(IoRequest request, long deadline) {
        List<Part> parts = split(request);
        Fanout end = new Fanout(request, parts.size());
        for (Part p : parts) {
            submit(Batch.Kind.WRITE, p.offset(), deadline, p.data(), end);
        }
    }

    private void submit(Batch.Kind kind, long offset, long deadline, ByteBuffer data, Batch.End end) {
        dispatcher.submit(new Batch(kind, offset, data.remaining(), deadline, List.of(data), end));
    }

    private void clear(IoRequest request, long deadline) {
        dispatcher.submit(new Batch(
                Batch.Kind.CLEAR, request.offset(), request.length(), deadline, List.of(), new Fanout(request, 1)));
    }

    private void writeZeroes(IoRequest request, long deadline) {
        long parts = (request.length() + Dispatcher.LARGEST - 1) / Dispatcher.LARGEST;
        Fanout end = new Fanout(request, Math.toIntExact(parts));
        for (long i = 0; i < parts; i++) {
            long at = i * Dispatcher.LARGEST;
            long n = Math.min(Dispatcher.LARGEST, request.length() - at);
            int whole = (int) (n / ZEROES.capacity());
            List<ByteBuffer> zeroes = new ArrayList<>(Collections.nCopies(whole, ZEROES));
            zeroes.add(ZEROES.slice(0, (int) (n % ZEROES.capacity())));
            dispatcher.submit(new Batch(Batch.Kind.WRITE, request.offset() + at, n, deadline, zeroes, end));
        }
    }

    private void extents(IoRequest request, long deadline) {
        long length = Math.min(request.length(), rangeLength);
        dispatcher.submit(new Batch(
                Batch.Kind.RANGES, request.offset(), length, deadline, List.of(), (answer, failure) -> {
                    if (failure != null) {
                        request.fail(failure);
                    } else {
                        tellExtents(request, length, answer);
                    }
                }));
    }

    private void tellExtents(IoRequest request, long length, Answer answer) {
        try {
            PageRanges ranges = PageRanges.parse(answer.body());
            if (ranges.count() < FEW_EXTENTS) {
                rangeLength = Math.min(MOST_RANGE, Math.max(rangeLength, 2 * length));
            } else if (ranges.count() > MANY_EXTENTS) {
                rangeLength = Math.max(LEAST_RANGE, length / 2);
            }
            ranges.tell(request, request.offset(), length);
        } catch (IOException e) {
            request.fail(Errno.EIO, key + ": " + e.getMessage());
            return;
        }
        request.complete();
    }

    /** A call that changes pages: behind the fence. */
    private final class Write implements Retrier.Task {
        private final Batch batch;
        private volatile long held;

        Write(Batch batch) {
            this.batch = batch;
        }

        @Override
        public CompletableFuture<Call> call(Duration limit) {
            return fence.number(batch.deadline()).thenApply(number -> {
                held = number;
                return batch.kind() == Batch.Kind.WRITE
                        ? Call.write(batch, lease, number, limit)
                        : Call.clear(batch, lease, number, limit);
            });
        }

        @Override
        public void failed(Problem problem) {
            fence.failed(problem, held);
        }
    }

    private CompletableFuture<Answer> call(Batch batch) {
        int asked = resizings;
        return switch (batch.kind()) {
            case READ ->
                retrier.run(batch.deadline(), limit -> ready(Call.read(batch, lease, limit)))
                        .whenComplete((answer, failure) -> seen(answer, asked));
            case RANGES ->
                retrier.run(batch.deadline(), limit -> ready(Call.ranges(batch.offset(), batch.length(), lease, limit)))
                        .whenComplete((answer, failure) -> seen(answer, asked));
            case WRITE, CLEAR ->
                retrier.run(batch.deadline(), new Write(batch))
                        .whenComplete((answer, failure) -> readAhead.written(batch.offset(), batch.length()));
        };
    }

    private static CompletableFuture<Call> ready(Call call) {
        return CompletableFuture.completedFuture(call);
    }

    /** The blob may have been resized. */
    private void seen(Answer answer, int asked) {
        long size = answer == null ? -1 : answer.blobSize();
        if (size > 0 && size != info.size()) {
            synchronized (this) {
                info = asked == resizings ? info.withSize(size) : info;
            }
        }
    }

    @Override
    public void close() throws IOException {
        readAhead.close();
    }
}
