package org.nbdrunner.handler.ceph.internal;

import com.kenai.jffi.MemoryIO;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;

/**
 * Requests to an open image, begun on the caller's thread and ended on one of this object's. librbd tells of completions through an
 * eventfd; no thread of librbd's ever enters the Java machine, and many completions cost one wake-up.
 *
 * <p>FUA: a write carries it as a flag that goes to the cluster, past librbd's cache; librbd has no such flag for discarding and zeroing,
 * after which it is asked to flush.
 */
final class ImageIo {
    private static final int BATCH = 128;
    private static final int ADDRESS_BYTES = 8;

    /** How much of an image one question for extents goes through, where each object has to be asked. */
    private static final long SLOW_EXTENTS = 1L << 30;

    /** The same where an object map in memory is asked. */
    private static final long FAST_EXTENTS = 1L << 40;

    /** Told when the cluster answers a request with an error. */
    @FunctionalInterface
    interface Listener {
        void failed(Errno errno);
    }

    private final OpenImage image;
    private final LibRbd rbd;
    private final MemoryIO memory;
    private final long handle;
    private final boolean objectMap;
    private final Listener listener;
    private final Slots slots;
    private final EventFd events;
    private final long batch;
    private final Thread thread;
    private final ThreadPoolExecutor extents;
    private volatile boolean stopped;

    /**
     * Begins.
     *
     * @param libraries native
     * @param image open; its completions come here from now on
     * @param listener told of errors, on any thread
     * @throws StorageException if that cannot be
     */
    ImageIo(Libraries libraries, OpenImage image, Listener listener) throws StorageException {
        this.image = image;
        this.listener = listener;
        rbd = libraries.rbd();
        memory = libraries.memory();
        handle = image.handle();
        objectMap = (image.features() & LibRbd.FEATURE_FAST_DIFF) != 0;
        slots = new Slots(memory);
        events = new EventFd(libraries);
        int r = rbd.rbd_set_image_notification(handle, events.number(), LibRbd.EVENT_TYPE_EVENTFD);
        if (r < 0) {
            events.close();
            throw Failures.of(r, "be told of completions of " + image.name(), "this client");
        }
        batch = memory.allocateMemory((long) BATCH * ADDRESS_BYTES, true);
        extents = new ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread t = new Thread(task, "ceph extents " + image.name());
            t.setDaemon(true);
            return t;
        });
        extents.allowCoreThreadTimeOut(true);
        thread = Bounded.start("ceph " + image.name(), this::complete);
    }

    /** Begins a request. */
    void submit(IoRequest request) {
        if (request.command() == Command.WRITE_ZEROES && request.fastZero() && request.noHole()) {
            request.fail(Errno.ENOTSUP, "space that stays allocated is zeroed by writing zeroes");
            return;
        }
        if (request.command() == Command.CACHE) {
            request.complete();
            return;
        }
        int slot = slots.add(request);
        if (request.command() == Command.BLOCK_STATUS) {
            try {
                extents.execute(() -> extents(slot));
            } catch (RejectedExecutionException | OutOfMemoryError e) {
                slots.remove(slot).fail(e);
            }
        } else {
            begin(slot, request, request.command());
        }
    }

    private void begin(int slot, IoRequest request, Command command) {
        long cell = slots.cell(slot);
        int r = rbd.rbd_aio_create_completion(2L * slot + (command == request.command() ? 0 : 1), 0, cell);
        if (r >= 0) {
            long completion = memory.getLong(cell);
            r = begin(request, command, completion);
            if (r < 0) {
                rbd.rbd_aio_release(completion);
            }
        }
        if (r < 0) {
            fail(slots.remove(slot), r);
        }
    }

    private int begin(IoRequest request, Command command, long completion) {
        long offset = request.offset();
        long length = request.length();
        return switch (command) {
            case READ -> rbd.rbd_aio_read(handle, offset, length, address(request), completion);
            case WRITE ->
                request.fua()
                        ? rbd.rbd_aio_write2(
                                handle, offset, length, address(request), completion, LibRbd.OP_FLAG_FUA, 0)
                        : rbd.rbd_aio_write(handle, offset, length, address(request), completion);
            case TRIM -> rbd.rbd_aio_discard(handle, offset, length, completion);
            case WRITE_ZEROES ->
                rbd.rbd_aio_write_zeroes(
                        handle, offset, length, completion, request.noHole() ? LibRbd.WRITE_ZEROES_THICK : 0, 0, 0);
            case FLUSH -> rbd.rbd_aio_flush(handle, completion);
            case CACHE, BLOCK_STATUS -> throw new IllegalStateException(command + " is none of librbd's");
        };
    }

    private long address(IoRequest request) {
        return memory.getDirectBufferAddress(request.buffer())
                + request.buffer().position();
    }

    /** What the thread does. */
    private void complete() {
        while (true) {
            events.await();
            int n;
            do {
                n = rbd.rbd_poll_io_events(handle, batch, BATCH);
                for (int i = 0; i < n; i++) {
                    completed(memory.getLong(batch + (long) i * ADDRESS_BYTES));
                }
            } while (n == BATCH);
            if (stopped && slots.count() == 0) {
                return;
            }
        }
    }

    private void completed(long completion) {
        long argument = rbd.rbd_aio_get_arg(completion);
        long result = rbd.rbd_aio_get_return_value(completion);
        rbd.rbd_aio_release(completion);
        int slot = (int) (argument >> 1);
        IoRequest request = slots.get(slot);
        Command command = request.command();
        boolean flushed = (argument & 1) != 0;
        if (result >= 0 && request.fua() && command != Command.WRITE && !flushed) {
            begin(slot, request, Command.FLUSH);
            return;
        }
        slots.remove(slot);
        if (result < 0) {
            fail(request, result);
        } else if (command == Command.READ && result != request.length()) {
            request.fail(Errno.EIO, image.name() + " has been made smaller than what was to be read");
        } else {
            request.complete();
        }
    }

    private void fail(IoRequest request, long result) {
        Errno errno = Errno.of((int) result);
        listener.failed(errno);
        request.fail(
                errno,
                request.command() + " of " + image.name() + ": "
                        + Failures.words(result, errno, image.cluster().name().user()));
    }

    private void extents(int slot) {
        IoRequest request = slots.get(slot);
        long length = Math.min(request.length(), objectMap ? FAST_EXTENTS : SLOW_EXTENTS);
        Extents told = new Extents(request, request.offset() + length);
        int r;
        try {
            r = rbd.rbd_diff_iterate2(
                    handle, null, request.offset(), length, (byte) 1, (byte) (objectMap ? 1 : 0), told, 0);
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            slots.remove(slot).fail(e);
            return;
        }
        slots.remove(slot);
        if (r < 0 && r != Extents.ENOUGH) {
            fail(request, r);
        } else {
            told.finish();
            request.complete();
        }
    }

    /** How many requests are in flight. */
    int inFlight() {
        return slots.count();
    }

    /** Ends, when all that is in flight has completed, however long that takes. Nothing is submitted any more. */
    void close() throws InterruptedException {
        slots.awaitNone();
        stopped = true;
        events.wake();
        thread.join();
        extents.shutdown();
        extents.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
        events.close();
        memory.freeMemory(batch);
        slots.release();
    }
}
