package org.nbdrunner.handler.gluster.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * An open file on a volume. Requests are begun on the caller's thread and end on GlusterFS's; what has no such form is done by threads of
 * the connection. While bricks cannot be reached, requests are tried again until they are over the mapping's timeout: each does the same
 * however often it is done, and its client waits for it, so nothing newer can have been written in its place.
 */
final class GlusterVolume implements Volume {
    private static final long FIRST_PAUSE_MS = 50;
    private static final long LONGEST_PAUSE_MS = 1000;
    private static final long LOOK_S = 5;
    private static final Duration CLOSE = Duration.ofSeconds(60);
    private static final long ZEROFILL_BYTES = 256 << 20;

    /** Never written to. */
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20);

    private final OpenFile file;
    private final Gfapi gfapi;
    private final Operations operations;
    private final ScheduledExecutorService timer;
    private final long timeout;
    private final Extents extents;
    private final ScheduledFuture<?> look;

    private volatile VolumeInfo info;
    private volatile boolean discards;
    private volatile boolean zerofills = true;

    /**
     * A volume.
     *
     * @param opened what it is made of; closed with it
     * @param info what it is
     * @param timeout how long a request may take
     * @param operations of all volumes
     * @param timer for what waits
     */
    GlusterVolume(
            GlusterFiles.Opened opened,
            VolumeInfo info,
            Duration timeout,
            Operations operations,
            ScheduledExecutorService timer) {
        this.file = opened.file();
        this.gfapi = file.gfapi();
        this.info = info;
        this.discards = opened.discards();
        this.timeout = timeout.toNanos();
        this.operations = operations;
        this.timer = timer;
        this.extents = new Extents(file);
        look = timer.scheduleWithFixedDelay(this::look, LOOK_S, LOOK_S, TimeUnit.SECONDS);
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    /** Another program may change the size; clients that come later see that. */
    private void look() {
        slowly(this::see);
    }

    /** Takes note of the size; one at a time, so that none puts back what it has seen before. */
    private void see() {
        synchronized (file) {
            FileStatus.Result now = gfapi.status(file.fd());
            VolumeInfo before = info;
            long size = now.error() < 0
                    ? before.size()
                    : GlusterHandler.visible(now.status().size());
            if (size > 0) {
                info = before.withSize(size);
            }
        }
    }

    @Override
    public void resize(long size) throws IOException {
        if (info.readOnly()) {
            throw new StorageException(Errno.EROFS, file.name() + " is open read-only");
        } else if (!file.begin()) {
            throw new StorageException(Errno.ESHUTDOWN, file.name() + " is closed");
        }
        boolean grows = size > info.size();
        int r = file.calls().insist("resize " + file.name(), () -> {
            try {
                return grows && file.space().total() < size ? -Gfapi.ENOSPC : setSize(size);
            } finally {
                file.end();
            }
        });
        if (r == -Gfapi.EFBIG || r == -Gfapi.EINVAL) {
            throw new StorageException(Errno.EFBIG, file.name() + " would be larger than a file can be on its volume");
        } else if (r < 0) {
            throw file.failure(r, "resize");
        }
    }

    private int setSize(long size) {
        int r = gfapi.truncate(file.fd(), size);
        if (r >= 0) {
            r = gfapi.sync(file.fd());
        }
        extents.changed();
        see();
        return r;
    }

    /** Does something with the file that may wait for the storage; nothing if it is being closed. */
    private boolean slowly(Runnable task) {
        if (!file.begin()) {
            return false;
        }
        file.calls().run(() -> {
            try {
                task.run();
            } finally {
                file.end();
            }
        });
        return true;
    }

    @Override
    public void submit(IoRequest request) {
        if (request.command() != Command.FLUSH && request.offset() + request.length() > info.size()) {
            // To write there would make the file longer again.
            request.fail(Errno.EIO, file.name() + " has been made smaller than where this request ends");
            return;
        }
        if (!file.begin()) {
            request.fail(Errno.ESHUTDOWN, file.name() + " is closed");
            return;
        }
        Operation o = operations.take();
        o.volume = this;
        o.request = request;
        o.since = System.nanoTime();
        switch (request.command()) {
            case READ -> o.step = Operation.Step.READ;
            case WRITE -> o.step = Operation.Step.WRITE;
            case FLUSH -> o.step = Operation.Step.SYNC;
            case TRIM -> o.step = Operation.Step.DISCARD;
            case WRITE_ZEROES -> o.step = zeroing(request);
            case BLOCK_STATUS -> {
                tell(o);
                return;
            }
            case CACHE -> {
                end(o);
                return;
            }
        }
        if (o.step == null) {
            fail(o, new StorageException(Errno.ENOTSUP, "zeroing is no faster than writing zeroes on " + file.name()));
            return;
        }
        begin(o);
    }

    /** How to zero; null if that must be fast and is not. */
    private Operation.Step zeroing(IoRequest request) {
        if (discards && !request.noHole()) {
            return Operation.Step.DISCARD;
        } else if (request.fastZero()) {
            return null;
        }
        return zerofills ? Operation.Step.ZEROFILL : Operation.Step.WRITE_ZEROES;
    }

    /** Begins the next part of an operation, which may end within this. */
    private void begin(Operation o) {
        IoRequest r = o.request;
        long id = o.id();
        long at = r.offset() + o.done;
        long left = r.length() - o.done;
        int failed = switch (o.step) {
            case READ -> gfapi.beginRead(file.fd(), address(r) + o.done, left, at, id);
            case WRITE -> gfapi.beginWrite(file.fd(), address(r) + o.done, (int) left, at, r.fua(), id);
            case DISCARD -> {
                o.asked = left;
                yield gfapi.beginDiscard(file.fd(), at, left, id);
            }
            case ZEROFILL -> {
                o.asked = Math.min(left, ZEROFILL_BYTES);
                yield gfapi.beginZerofill(file.fd(), at, o.asked, id);
            }
            case WRITE_ZEROES -> {
                int n = (int) Math.min(left, ZEROES.capacity());
                yield gfapi.beginWrite(file.fd(), gfapi.address(ZEROES), n, at, false, id);
            }
            case SYNC -> gfapi.beginSync(file.fd(), id);
        };
        if (failed < 0) {
            ended(o, failed);
        }
    }

    private long address(IoRequest request) {
        ByteBuffer buffer = request.buffer();
        return gfapi.address(buffer) + buffer.position();
    }

    /**
     * A part of an operation has ended.
     *
     * @param o the operation
     * @param result bytes of a read or write, or a negative error number
     */
    void ended(Operation o, long result) {
        if (result < 0) {
            failed(o, result);
            return;
        }
        o.failures = 0;
        long length = o.request.length();
        switch (o.step) {
            case READ -> {
                if (result == 0) {
                    fail(
                            o,
                            new StorageException(
                                    Errno.EIO,
                                    file.name() + " has been cut short by another program while it was open"));
                    return;
                }
                o.done += result;
            }
            case WRITE, WRITE_ZEROES -> o.done += result;
            case DISCARD, ZEROFILL -> o.done += o.asked;
            case SYNC -> {
                end(o);
                return;
            }
        }
        if (o.done < length) {
            // Not from here: this may be within the call that began the last part, and so on.
            file.calls().run(() -> begin(o));
        } else if (o.step == Operation.Step.READ) {
            end(o);
        } else {
            changed(o);
        }
    }

    private void changed(Operation o) {
        extents.changed();
        if (o.request.fua() && o.step != Operation.Step.WRITE) {
            o.step = Operation.Step.SYNC;
            begin(o);
        } else {
            end(o);
        }
    }

    private void failed(Operation o, long error) {
        if (Failures.isUnsupported(error) && (o.step == Operation.Step.DISCARD || o.step == Operation.Step.ZEROFILL)) {
            withoutHoles(o);
        } else if (error == -Gfapi.ENOSPC && o.request.command() == Command.TRIM) {
            end(o); // full bricks refuse to punch holes, and this is a hint
        } else if (!again(o, error, () -> begin(o))) {
            fail(o, explained(o, error));
        }
    }

    /** The storage says that it cannot do what it did before, or claimed to. */
    private void withoutHoles(Operation o) {
        if (o.step == Operation.Step.DISCARD) {
            discards = false;
        } else {
            zerofills = false;
        }
        if (o.request.command() == Command.TRIM) {
            end(o); // a hint
            return;
        }
        o.step = zeroing(o.request);
        if (o.step == null) {
            fail(o, new StorageException(Errno.ENOTSUP, "zeroing is no faster than writing zeroes on " + file.name()));
        } else {
            file.calls().run(() -> begin(o));
        }
    }

    /** Lets an operation wait, if its bricks cannot be reached and there is time left. */
    private boolean again(Operation o, long error, Runnable next) {
        long pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(o.failures, 10));
        if (!Failures.isPassing(error)
                || System.nanoTime() - o.since + TimeUnit.MILLISECONDS.toNanos(pause) > timeout) {
            return false;
        }
        o.failures++;
        ScheduledFuture<?> ignored = timer.schedule(() -> file.calls().run(next), pause, TimeUnit.MILLISECONDS);
        return true;
    }

    private StorageException explained(Operation o, long error) {
        String what = switch (o.step) {
            case READ -> "read";
            case WRITE -> "write";
            case DISCARD -> "punch a hole into";
            case ZEROFILL, WRITE_ZEROES -> "zero";
            case SYNC -> "flush";
        };
        return file.failure(error, what);
    }

    private void tell(Operation o) {
        file.calls().run(() -> {
            long r;
            try {
                r = extents.tell(o.request);
            } catch (StorageException e) {
                fail(o, e);
                return;
            }
            if (r >= 0) {
                end(o);
            } else if (!again(o, r, () -> tell(o))) {
                fail(o, file.failure(r, "look for data in"));
            }
        });
    }

    private void end(Operation o) {
        IoRequest request = o.request;
        operations.give(o);
        request.complete();
        file.end();
    }

    private void fail(Operation o, StorageException e) {
        IoRequest request = o.request;
        operations.give(o);
        request.fail(e);
        file.end();
    }

    @Override
    public void close() throws IOException {
        look.cancel(false);
        file.close(CLOSE);
    }
}
