package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files that clients are sending: {@link #AT_ONCE} at once, each of {@link Program#FILE} bytes at most and gone when its upload is
 * closed. An upload that waits for its next piece for {@link #PATIENCE_NANOS} gives its place to whoever wants it. For use by any
 * thread; each upload is for one.
 */
final class Uploads {
    static final int AT_ONCE = 4;
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private static final Logger LOG = LoggerFactory.getLogger(Uploads.class);

    private final Path directory;
    private final LongSupplier clock;
    private final Set<Upload> open = new LinkedHashSet<>();

    /**
     * None yet; what a crash has left in the directory is deleted.
     *
     * @param directory for the files, and for nothing else; made when it is needed
     */
    Uploads(Path directory) {
        this(directory, System::nanoTime);
    }

    /** With a clock like {@link System#nanoTime}. */
    Uploads(Path directory, LongSupplier clock) {
        this.directory = directory;
        this.clock = clock;
        if (Files.isDirectory(directory)) {
            try (Stream<Path> files = Files.list(directory)) {
                files.forEach(Uploads::delete);
            } catch (IOException e) {
                LOG.warn("What is left in {} cannot be deleted", directory, e);
            }
        }
    }

    /** One file. */
    final class Upload implements AutoCloseable {
        private final long size;
        private final Path file;
        private final FileChannel channel;
        private long written;
        private long waitingSince = clock.getAsLong();
        private boolean complete;

        private Upload(long size, Path file, FileChannel channel) {
            this.size = size;
            this.file = file;
            this.channel = channel;
        }

        /**
         * Appends a piece; after a failure the upload is of no more use.
         *
         * @param offset where the client thinks that the piece belongs
         */
        void append(long offset, byte[] data) throws ControlException {
            synchronized (Uploads.this) {
                checkPlace();
                if (offset != written || data.length == 0) {
                    throw new ControlException(
                            Errno.EINVAL,
                            data.length + " bytes for place " + offset + " of the file came, place " + written
                                    + " was due");
                }
                if (data.length > size - written) {
                    throw new ControlException(Errno.EFBIG, "more than the " + size + " bytes announced were sent");
                }
                try {
                    for (ByteBuffer left = ByteBuffer.wrap(data); left.hasRemaining(); ) {
                        channel.write(left);
                    }
                } catch (IOException e) {
                    throw notKept(e);
                }
                written += data.length;
                waitingSince = clock.getAsLong();
            }
        }

        private void checkPlace() throws ControlException {
            if (!open.contains(this)) {
                throw new ControlException(
                        Errno.ETIMEDOUT, "the next piece of the file came too late: others wanted its place");
            }
        }

        /**
         * The file; its place is safe until it is closed.
         *
         * @return there until {@link #close}
         */
        Path complete() throws ControlException {
            synchronized (Uploads.this) {
                checkPlace();
                if (written != size) {
                    throw new ControlException(
                            Errno.EINVAL, "of the file's " + size + " bytes only " + written + " were sent");
                }
                try {
                    channel.close();
                } catch (IOException e) {
                    throw notKept(e);
                }
                complete = true;
                return file;
            }
        }

        long size() {
            return size;
        }

        @Override
        public void close() {
            synchronized (Uploads.this) {
                if (open.remove(this)) {
                    try {
                        channel.close();
                    } catch (IOException e) {
                        LOG.debug("{} did not close", file, e);
                    }
                    delete(file);
                }
            }
        }
    }

    /**
     * Begins an upload.
     *
     * @param size of the file in bytes
     * @throws ControlException {@link Errno#EFBIG} if that is too large, {@link Errno#EBUSY} if there are too many
     */
    synchronized Upload begin(long size) throws ControlException {
        if (size < 1) {
            throw new ControlException(Errno.EINVAL, "a file of " + size + " bytes is no bundle");
        }
        if (size > Program.FILE) {
            throw new ControlException(
                    Errno.EFBIG,
                    "a file of " + size + " bytes is too large: at most " + Program.FILE + " are possible");
        }
        if (open.size() >= AT_ONCE) {
            makeRoom();
        }
        try {
            Files.createDirectories(directory);
            Path file = Files.createTempFile(directory, "upload-", ".jar");
            Upload upload = new Upload(size, file, channel(file));
            open.add(upload);
            return upload;
        } catch (IOException e) {
            throw notKept(e);
        }
    }

    private static FileChannel channel(Path file) throws IOException {
        try {
            return FileChannel.open(file, StandardOpenOption.WRITE);
        } catch (IOException e) {
            delete(file);
            throw e;
        }
    }

    private void makeRoom() throws ControlException {
        long now = clock.getAsLong();
        for (Upload u : List.copyOf(open)) {
            if (!u.complete && now - u.waitingSince >= PATIENCE_NANOS) {
                u.close();
                return;
            }
        }
        throw new ControlException(
                Errno.EBUSY, open.size() + " files are being sent or installed already: try again later");
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted", file, e);
        }
    }

    private static ControlException notKept(IOException e) {
        return new ControlException(Errno.of(e), "the runner cannot keep the file: " + Errno.describe(e), e);
    }
}
