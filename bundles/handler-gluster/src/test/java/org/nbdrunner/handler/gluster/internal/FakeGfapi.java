package org.nbdrunner.handler.gluster.internal;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A volume with one file of zeroes. Requests end within the call that begins them, as those of GlusterFS may. */
class FakeGfapi implements Gfapi {
    static final long SIZE = 1 << 20;
    static final int S_IFREG = 0x8000;

    /** Errors, or short counts, of the next requests. */
    final Deque<Long> script = new ArrayDeque<>();

    /** What was begun. */
    final List<String> begun = new ArrayList<>();

    /** Requests whose ends are held back, if there is a list. */
    List<Runnable> held;

    /** What connecting returns, after this was let go. */
    volatile CountDownLatch hanging;

    volatile int initResult;
    final AtomicInteger closed = new AtomicInteger();
    private final MemoryIO memory = MemoryIO.getInstance();
    private Completion completion;

    private synchronized int begin(String what, long length, long id) {
        begun.add(what);
        Long scripted = script.poll();
        long result = scripted == null ? length : scripted;
        if (held != null) {
            held.add(() -> completion.done(id, result));
        } else {
            completion.done(id, result);
        }
        return 0;
    }

    @Override
    public void onCompletion(Completion told) {
        completion = told;
    }

    @Override
    public boolean hasTranslators() {
        return true;
    }

    @Override
    public long newVolume(String name) {
        return 1;
    }

    @Override
    public int addServer(long fs, String host, int port) {
        return 0;
    }

    @Override
    public int setOption(long fs, String translators, String key, String value) {
        return 0;
    }

    @Override
    public int log(long fs, String file, int level) {
        return 0;
    }

    @Override
    public int init(long fs) {
        CountDownLatch latch = hanging;
        if (latch != null) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        return initResult;
    }

    @Override
    public int fini(long fs) {
        return 0;
    }

    @Override
    public long open(long fs, String path, boolean writable) {
        return 2;
    }

    @Override
    public long create(long fs, String path) {
        return 2;
    }

    @Override
    public int close(long fd) {
        closed.incrementAndGet();
        return 0;
    }

    @Override
    public FileStatus.Result status(long fs, String path) {
        return status(fs);
    }

    @Override
    public FileStatus.Result status(long fd) {
        return new FileStatus.Result(0, new FileStatus(7, S_IFREG, SIZE, SIZE));
    }

    @Override
    public Space space(long fs) {
        return new Space(0, SIZE, SIZE);
    }

    @Override
    public int makeDirectory(long fs, String path) {
        return 0;
    }

    @Override
    public int removeDirectory(long fs, String path) {
        return 0;
    }

    @Override
    public int unlink(long fs, String path) {
        return 0;
    }

    @Override
    public int truncate(long fd, long size) {
        return 0;
    }

    @Override
    public int reserve(long fd, long offset, long length) {
        return 0;
    }

    @Override
    public int discard(long fd, long offset, long length) {
        return 0;
    }

    @Override
    public int zerofill(long fd, long offset, long length) {
        return 0;
    }

    @Override
    public int sync(long fd) {
        return 0;
    }

    @Override
    public long seek(long fd, long offset, int whence) {
        return -ENXIO;
    }

    @Override
    public int beginRead(long fd, long address, long length, long offset, long id) {
        return begin("read " + length + " at " + offset, length, id);
    }

    @Override
    public int beginWrite(long fd, long address, int length, long offset, boolean durable, long id) {
        return begin((durable ? "durable " : "") + "write " + length + " at " + offset, length, id);
    }

    @Override
    public int beginSync(long fd, long id) {
        return begin("sync", 0, id);
    }

    @Override
    public int beginDiscard(long fd, long offset, long length, long id) {
        return begin("discard " + length + " at " + offset, 0, id);
    }

    @Override
    public int beginZerofill(long fd, long offset, long length, long id) {
        return begin("zerofill " + length + " at " + offset, 0, id);
    }

    @Override
    public long address(ByteBuffer buffer) {
        return memory.getDirectBufferAddress(buffer);
    }

    @Override
    public String words(long errno) {
        return "error " + Math.abs(errno);
    }
}
