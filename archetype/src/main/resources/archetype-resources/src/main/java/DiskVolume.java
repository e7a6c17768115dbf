package ${package};

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.SimpleVolume;
import org.nbdrunner.api.handler.VolumeInfo;

/** An open disk. Its methods are called by several threads at once, so none of them uses the file's position. */
final class DiskVolume extends SimpleVolume {
    /** How many requests wait for the storage at once. */
    private static final int THREADS = 4;

    private final FileChannel disk;

    DiskVolume(FileChannel disk, boolean readOnly) throws IOException {
        super(
                VolumeInfo.builder(disk.size())
                        .readOnly(readOnly)
                        .with(Capability.FLUSH, Capability.FUA, Capability.MULTI_CONN)
                        .build(),
                THREADS);
        this.disk = disk;
    }

    @Override
    protected void read(ByteBuffer buffer, long offset) throws IOException {
        for (long at = offset; buffer.hasRemaining(); ) {
            int n = disk.read(buffer, at);
            if (n < 0) {
                throw new EOFException("the file is shorter than the disk");
            }
            at += n;
        }
    }

    @Override
    protected void write(ByteBuffer buffer, long offset) throws IOException {
        for (long at = offset; buffer.hasRemaining(); ) {
            at += disk.write(buffer, at);
        }
    }

    @Override
    protected void flush() throws IOException {
        disk.force(false); // what has been written survives a power failure from here on
    }

    @Override
    public void close() throws IOException {
        super.close();
        disk.close();
    }
}
