package org.nbdrunner.engine.internal;

import java.nio.ByteBuffer;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.SimpleVolume;
import org.nbdrunner.api.handler.VolumeInfo;

/** A disk in memory; knows extents of 4 KiB. */
class MemoryVolume extends SimpleVolume {
    private static final byte[] ZEROES = new byte[1 << 16];

    private final ByteBuffer memory;

    MemoryVolume(VolumeInfo info, int threads) {
        super(info, threads);
        memory = ByteBuffer.allocateDirect((int) info.size());
    }

    MemoryVolume(int size) {
        this(all(size), CALLER_RUNS);
    }

    static VolumeInfo all(int size) {
        return VolumeInfo.builder(size)
                .with(
                        Capability.FLUSH,
                        Capability.FUA,
                        Capability.TRIM,
                        Capability.WRITE_ZEROES,
                        Capability.FAST_ZERO,
                        Capability.CACHE,
                        Capability.BLOCK_STATUS,
                        Capability.MULTI_CONN)
                .description("a disk in memory")
                .build();
    }

    @Override
    protected void read(ByteBuffer buffer, long offset) {
        int n = buffer.remaining();
        buffer.put(buffer.position(), memory, (int) offset, n);
    }

    @Override
    protected void write(ByteBuffer buffer, long offset) {
        memory.put((int) offset, buffer, buffer.position(), buffer.remaining());
    }

    @Override
    protected void trim(long offset, long length) {
        zero(offset, length, false, true);
    }

    @Override
    protected void zero(long offset, long length, boolean noHole, boolean fast) {
        for (long done = 0; done < length; done += ZEROES.length) {
            memory.put((int) (offset + done), ZEROES, 0, (int) Math.min(ZEROES.length, length - done));
        }
    }

    @Override
    protected void extents(IoRequest request) {
        long end = request.offset() + request.length();
        for (long at = request.offset(); at < end; ) {
            long next = Math.min(end, (at | 4095) + 1);
            boolean zero = true;
            for (long i = at; i < next && zero; i++) {
                zero = memory.get((int) i) == 0;
            }
            if (!request.extent(next - at, zero, zero)) {
                return;
            }
            at = next;
        }
    }
}
