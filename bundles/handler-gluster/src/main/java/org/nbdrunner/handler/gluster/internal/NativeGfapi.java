package org.nbdrunner.handler.gluster.internal;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The library through jnr-ffi. Buffers are passed as addresses, and there is one callback for all: that costs no garbage. */
final class NativeGfapi implements Gfapi {
    private static final Logger LOG = LoggerFactory.getLogger(NativeGfapi.class);
    private static final String LIBRARY = "libgfapi.so.0";
    private static final String PACKAGES = "install libgfapi0 and glusterfs-common (Debian, Ubuntu),"
            + " or libgfapi0 and glusterfs-client-xlators (RPM-based distributions)";

    private static final int O_RDONLY = 0;
    private static final int O_RDWR = 2;
    private static final int O_CREAT = 0100;
    private static final int O_EXCL = 0200;
    private static final int O_DSYNC = 010000;
    private static final int NEW_FILE = 0600;
    private static final int NEW_DIRECTORY = 0755;

    private static final int STATVFS_FRSIZE = 8;
    private static final int STATVFS_BLOCKS = 16;
    private static final int STATVFS_BAVAIL = 32;

    private final GfapiLibrary library;
    private final LibC libc;
    private final Runtime runtime;
    private final MemoryIO memory = MemoryIO.getInstance();

    /** Kept as long as GlusterFS may call it. */
    private final IoCallback callback = this::called;

    private final long callbackAddress;
    private Completion completion = (id, result) -> {};

    private NativeGfapi(GfapiLibrary library, LibC libc) {
        this.library = library;
        this.libc = libc;
        runtime = Runtime.getRuntime(library);
        callbackAddress = runtime.getClosureManager()
                .getClosurePointer(IoCallback.class, callback)
                .address();
    }

    /**
     * Loads the library.
     *
     * @return the calls
     * @throws StorageException {@link Errno#ENOTSUP} if it cannot be loaded; the text names what is to be installed
     */
    static NativeGfapi load() throws StorageException {
        GfapiLibrary library;
        LibC libc;
        try {
            libc = LibraryLoader.create(LibC.class).load("c");
            library = LibraryLoader.create(GfapiLibrary.class).failImmediately().load(LIBRARY);
        } catch (LinkageError e) {
            // Without the cause, of which some tell instead; its text is here.
            throw new StorageException(
                    Errno.ENOTSUP,
                    "cannot load GlusterFS's client library " + LIBRARY + ", version 7 or newer (" + firstLine(e)
                            + "): " + PACKAGES);
        }
        return new NativeGfapi(library, libc);
    }

    private static String firstLine(Throwable t) {
        return String.valueOf(t.getMessage()).lines().findFirst().orElse("");
    }

    @Override
    public void onCompletion(Completion told) {
        completion = told;
    }

    private void called(long fd, long result, long before, long after, long data) {
        // The thread's errno is GlusterFS's only until something else is called.
        long r = result < 0 ? -Math.max(memory.getInt(libc.__errno_location()), 0) : result;
        try {
            completion.done(data, result < 0 && r == 0 ? -EIO : r);
        } catch (Throwable t) { // nothing above this would tell of it
            LOG.error("A request to GlusterFS was lost", t);
        }
    }

    /** They lie beside the library, wherever that was loaded from. */
    @Override
    public boolean hasTranslators() {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            String path = maps.filter(l -> l.contains("/" + LIBRARY))
                    .map(l -> l.substring(l.indexOf('/')))
                    .findFirst()
                    .orElse(null);
            if (path == null) {
                return true;
            }
            Path directory = Path.of(path).toRealPath().resolveSibling("glusterfs");
            try (DirectoryStream<Path> versions = Files.newDirectoryStream(directory)) {
                for (Path version : versions) {
                    if (Files.isReadable(version.resolve("xlator/protocol/client.so"))) {
                        return true;
                    }
                }
            }
            return false;
        } catch (java.nio.file.NoSuchFileException e) {
            return false;
        } catch (IOException | java.io.UncheckedIOException e) {
            return true; // unknown: blame nobody
        }
    }

    private static byte[] cString(String s) {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    private long error() {
        int errno = runtime.getLastError();
        return -(errno > 0 ? errno : EIO);
    }

    private int result(int returned) {
        return returned < 0 ? (int) error() : returned;
    }

    private long result(long returned) {
        return returned < 0 ? error() : returned;
    }

    private long pointer(long returned) {
        return returned == 0 ? error() : returned;
    }

    @Override
    public long newVolume(String name) {
        return pointer(library.glfs_new(cString(name)));
    }

    @Override
    public int addServer(long fs, String host, int port) {
        return result(library.glfs_set_volfile_server(fs, cString("tcp"), cString(host), port));
    }

    @Override
    public int setOption(long fs, String translators, String key, String value) {
        return result(library.glfs_set_xlator_option(fs, cString(translators), cString(key), cString(value)));
    }

    @Override
    public int log(long fs, String file, int level) {
        return result(library.glfs_set_logging(fs, cString(file), level));
    }

    @Override
    public int init(long fs) {
        return result(library.glfs_init(fs));
    }

    @Override
    public int fini(long fs) {
        return result(library.glfs_fini(fs));
    }

    @Override
    public long open(long fs, String path, boolean writable) {
        return pointer(library.glfs_open(fs, cString(path), writable ? O_RDWR : O_RDONLY));
    }

    @Override
    public long create(long fs, String path) {
        return pointer(library.glfs_creat(fs, cString(path), O_RDWR | O_CREAT | O_EXCL, NEW_FILE));
    }

    @Override
    public int close(long fd) {
        return result(library.glfs_close(fd));
    }

    @Override
    public FileStatus.Result status(long fs, String path) {
        ByteBuffer stat = FileStatus.buffer();
        return status(library.glfs_stat(fs, cString(path), stat), stat);
    }

    @Override
    public FileStatus.Result status(long fd) {
        ByteBuffer stat = FileStatus.buffer();
        return status(library.glfs_fstat(fd, stat), stat);
    }

    private FileStatus.Result status(int returned, ByteBuffer stat) {
        int r = result(returned);
        return r < 0 ? new FileStatus.Result(r, null) : new FileStatus.Result(0, FileStatus.of(stat));
    }

    @Override
    public Space space(long fs) {
        ByteBuffer stat = FileStatus.buffer();
        int r = result(library.glfs_statvfs(fs, cString("/"), stat));
        long unit = stat.getLong(STATVFS_FRSIZE);
        return new Space(Math.min(r, 0), unit * stat.getLong(STATVFS_BAVAIL), unit * stat.getLong(STATVFS_BLOCKS));
    }

    @Override
    public int makeDirectory(long fs, String path) {
        return result(library.glfs_mkdir(fs, cString(path), NEW_DIRECTORY));
    }

    @Override
    public int removeDirectory(long fs, String path) {
        return result(library.glfs_rmdir(fs, cString(path)));
    }

    @Override
    public int unlink(long fs, String path) {
        return result(library.glfs_unlink(fs, cString(path)));
    }

    @Override
    public int truncate(long fd, long size) {
        return result(library.glfs_ftruncate(fd, size, 0, 0));
    }

    @Override
    public int reserve(long fd, long offset, long length) {
        return result(library.glfs_fallocate(fd, 1, offset, length));
    }

    @Override
    public int discard(long fd, long offset, long length) {
        return result(library.glfs_discard(fd, offset, length));
    }

    @Override
    public int zerofill(long fd, long offset, long length) {
        return result(library.glfs_zerofill(fd, offset, length));
    }

    @Override
    public int sync(long fd) {
        return result(library.glfs_fsync(fd, 0, 0));
    }

    @Override
    public long seek(long fd, long offset, int whence) {
        return result(library.glfs_lseek(fd, offset, whence));
    }

    @Override
    public int beginRead(long fd, long address, long length, long offset, long id) {
        return result(library.glfs_pread_async(fd, address, length, offset, 0, callbackAddress, id));
    }

    @Override
    public int beginWrite(long fd, long address, int length, long offset, boolean durable, long id) {
        return result(
                library.glfs_pwrite_async(fd, address, length, offset, durable ? O_DSYNC : 0, callbackAddress, id));
    }

    @Override
    public int beginSync(long fd, long id) {
        return result(library.glfs_fdatasync_async(fd, callbackAddress, id));
    }

    @Override
    public int beginDiscard(long fd, long offset, long length, long id) {
        return result(library.glfs_discard_async(fd, offset, length, callbackAddress, id));
    }

    @Override
    public int beginZerofill(long fd, long offset, long length, long id) {
        return result(library.glfs_zerofill_async(fd, offset, length, callbackAddress, id));
    }

    @Override
    public long address(ByteBuffer buffer) {
        return memory.getDirectBufferAddress(buffer);
    }

    @Override
    public String words(long errno) {
        return libc.strerror((int) Math.abs(errno));
    }
}
