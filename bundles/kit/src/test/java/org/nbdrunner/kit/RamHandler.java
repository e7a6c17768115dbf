package org.nbdrunner.kit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.SimpleVolume;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;
import org.osgi.service.component.annotations.Component;

/** The example of the package documentation of {@code org.nbdrunner.api.handler}. */
@Component
@HandlerName("ram")
public final class RamHandler implements Handler {
    private final Map<String, byte[]> disks = new ConcurrentHashMap<>();

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        if (size > 1 << 30) {
            throw new StorageException(Errno.EFBIG, "ram disks have at most 1 GiB");
        }
        if (disks.putIfAbsent(cfg.key(), new byte[(int) size]) != null) {
            throw new StorageException(Errno.EEXIST, cfg.key() + " exists already");
        }
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        if (disks.remove(cfg.key()) == null) {
            throw new StorageException(Errno.ENOENT, "there is no ram disk " + cfg.key());
        }
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        byte[] disk = disks.get(cfg.key());
        if (disk == null) {
            throw new StorageException(Errno.ENOENT, "there is no ram disk " + cfg.key());
        }
        VolumeInfo info = VolumeInfo.builder(disk.length)
                .with(Capability.FLUSH, Capability.FUA, Capability.MULTI_CONN)
                .build();
        return new SimpleVolume(info, SimpleVolume.CALLER_RUNS) {
            @Override
            protected void read(ByteBuffer buffer, long offset) {
                buffer.put(disk, (int) offset, buffer.remaining());
            }

            @Override
            protected void write(ByteBuffer buffer, long offset) {
                buffer.get(disk, (int) offset, buffer.remaining());
            }
        };
    }
}
