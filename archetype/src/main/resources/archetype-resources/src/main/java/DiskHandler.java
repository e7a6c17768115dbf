package ${package};

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** Handler "${handlerName}": each backstore is a file in a directory of its own, beside the rest of nbd-runner's state. */
@Component(immediate = true) // so that what is wrong shows when the bundle starts
@HandlerName("${handlerName}")
public final class DiskHandler implements Handler {
    private final Path directory;

    @Activate
    public DiskHandler(BundleContext context) throws IOException {
        this(Path.of(context.getProperty("nbd.data"), "${handlerName}"));
    }

    DiskHandler(Path directory) throws IOException {
        this.directory = Files.createDirectories(directory);
    }

    /** The key comes from a user, or from any NBD client: it must not lead out of the directory. */
    private Path file(Cfgstring cfg) throws StorageException {
        if (!cfg.key().matches("[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")) {
            throw new StorageException(Errno.EINVAL, cfg.key() + " is no name for a disk: use letters, digits, _, - and .");
        }
        return directory.resolve(cfg.key());
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        Path file = Files.createFile(file(cfg)); // fails if it exists: nothing is ever overwritten
        try (FileChannel disk = FileChannel.open(file, StandardOpenOption.WRITE)) {
            disk.write(ByteBuffer.allocate(1), size - 1);
            ByteBuffer zeroes = ByteBuffer.allocateDirect(1 << 20);
            for (long done = 0; preallocate && done < size; progress.progress(done, size)) {
                done += disk.write(zeroes.clear().limit((int) Math.min(zeroes.capacity(), size - done)), done);
            }
        } catch (IOException e) {
            Files.delete(file);
            throw e;
        }
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        Files.delete(file(cfg)); // fails if it does not exist
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        FileChannel disk = options.readOnly()
                ? FileChannel.open(file(cfg), StandardOpenOption.READ)
                : FileChannel.open(file(cfg), StandardOpenOption.READ, StandardOpenOption.WRITE);
        return new DiskVolume(disk, options.readOnly());
    }
}
