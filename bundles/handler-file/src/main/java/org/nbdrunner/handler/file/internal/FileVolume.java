package org.nbdrunner.handler.file.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/**
 * An open file. What the page cache can do is done on the caller's thread: reads that it holds and writes that it takes at once. All that
 * may wait for storage goes to threads of the volume.
 */
final class FileVolume implements Volume {
    private static final long PAGE_MASK = 4095;
    private static final long CLOSE_LIMIT_S = 10;

    private final Syscalls syscalls;
    private final Descriptor file;
    /** As it was when somebody last looked. */
    private volatile VolumeInfo info;

    private final String key;
    private final CachedReads cached;
    private final StoredFile stored;
    private final GroupSync sync;
    private final ThreadPoolExecutor threads;
    private final Patience patience;

    /**
     * A volume.
     *
     * @param syscalls how the file is used
     * @param file open; closed with the volume
     * @param info what the volume is
     * @param cached which reads never wait
     * @param patience with writes on the caller's thread
     * @param key for messages
     * @param threads how many requests may wait for storage at once
     */
    FileVolume(
            Syscalls syscalls,
            Descriptor file,
            VolumeInfo info,
            CachedReads cached,
            Patience patience,
            String key,
            int threads) {
        this.syscalls = syscalls;
        this.file = file;
        this.info = info;
        this.key = key;
        this.cached = cached;
        this.patience = patience;
        this.stored = new StoredFile(syscalls, file, key);
        this.threads =
                new ThreadPoolExecutor(threads, threads, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread t = new Thread(task, "file " + key);
                    t.setDaemon(true);
                    return t;
                });
        this.threads.allowCoreThreadTimeOut(true);
        this.sync = new GroupSync(syscalls, file, key, this.threads);
    }

    /** Looks at the size, which other programs can change too. */
    @Override
    public synchronized VolumeInfo info() {
        VolumeInfo known = info;
        FileStatus now;
        try {
            now = FileStatus.of(syscalls, file.number(), "");
        } catch (SyscallFailure e) {
            return known;
        }
        // Of a volume that was closed meanwhile, the number may stand for another file.
        if (now.identity().equals(known.identity())) {
            known = known.withSize(FileHandler.visible(now.size()));
            info = known;
        }
        return known;
    }

    @Override
    public void resize(long size) throws IOException {
        if (info.readOnly()) {
            throw new StorageException(Errno.EROFS, key + " is open read-only");
        }
        try {
            stored.resize(size);
        } finally {
            info();
        }
    }

    @Override
    public void submit(IoRequest request) {
        if (request.command() != Command.FLUSH && request.offset() + request.length() > info.size()) {
            // To write there would make the file longer again.
            request.fail(Errno.EIO, key + " has been made smaller than where this request ends");
            return;
        }
        switch (request.command()) {
            case READ -> read(request);
            case WRITE -> write(request);
            case FLUSH -> sync.add(request);
            case TRIM ->
                handOver(request, r -> {
                    stored.punch(r.offset(), r.length());
                    written(r);
                });
            case WRITE_ZEROES ->
                handOver(request, r -> {
                    stored.zero(r.offset(), r.length(), r.noHole(), r.fastZero());
                    written(r);
                });
            case CACHE ->
                handOver(request, r -> {
                    stored.cache(r.offset(), r.length());
                    r.complete();
                });
            case BLOCK_STATUS ->
                handOver(request, r -> {
                    stored.extents(r);
                    r.complete();
                });
        }
    }

    private void read(IoRequest request) {
        long length = request.length();
        long done = 0;
        switch (cached) {
            case NO_WAIT ->
                done = Math.max(0, syscalls.preadNoWait(file.number(), address(request), length, request.offset()));
            case ALL -> {
                try {
                    stored.read(address(request), length, request.offset());
                } catch (StorageException e) {
                    request.fail(e);
                    return;
                }
                done = length;
            }
            case NONE -> {}
        }
        if (done == length) {
            request.complete();
        } else {
            readRest(request, done);
        }
    }

    private void readRest(IoRequest request, long done) {
        handOver(request, r -> {
            stored.read(address(r) + done, r.length() - done, r.offset() + done);
            r.complete();
        });
    }

    private void write(IoRequest request) {
        long from = patience.now();
        boolean wholePages = ((request.offset() | request.length()) & PAGE_MASK) == 0;
        // A part of a page that is not in the cache would have to be read first.
        if (cached != CachedReads.ALL && (!wholePages || !patience.has(from))) {
            handOver(request, this::writeNow);
            return;
        }
        try {
            writeNow(request);
        } catch (StorageException e) {
            request.fail(e);
        }
        patience.took(from);
    }

    private void writeNow(IoRequest request) throws StorageException {
        stored.write(address(request), request.length(), request.offset());
        written(request);
    }

    private void written(IoRequest request) {
        if (request.fua()) {
            sync.add(request);
        } else {
            request.complete();
        }
    }

    private long address(IoRequest request) {
        ByteBuffer buffer = request.buffer();
        return syscalls.address(buffer) + buffer.position();
    }

    /** What a thread of the volume does with a request: complete it, hand it on, or throw before either. */
    @FunctionalInterface
    private interface Work {
        void on(IoRequest request) throws IOException;
    }

    private void handOver(IoRequest request, Work work) {
        try {
            threads.execute(() -> {
                try {
                    work.on(request);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    request.fail(e);
                }
            });
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            request.fail(e);
        }
    }

    @Override
    public void close() throws IOException {
        threads.shutdown();
        try {
            // Nothing is left to do; a thread may yet be returning from its last request.
            threads.awaitTermination(CLOSE_LIMIT_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            file.close();
        }
    }
}
