package org.nbdrunner.registry.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.nbdrunner.api.handler.Errno;

/** Keeps a directory for one instance, as long as this is open and the process lives. */
final class DirectoryLock implements AutoCloseable {
    private static final String NAME = "saveconfig.lock";

    /**
     * What this JVM holds. The operating system's lock belongs to the process, and closing any channel of the file
     * gives it up: a second instance in this JVM must not even open it.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final FileChannel channel;

    private DirectoryLock(Path directory, FileChannel channel) {
        this.directory = directory;
        this.channel = channel;
    }

    /**
     * Takes the lock.
     *
     * @param directory exists
     * @throws IOException if another instance has it, or the lock file cannot be made
     */
    static DirectoryLock take(Path directory) throws IOException {
        Path real = directory.toRealPath();
        if (!HELD.add(real)) {
            throw inUse(directory, "this process");
        }
        try {
            FileChannel channel = FileChannel.open(
                    real.resolve(NAME),
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    WholeFile.PRIVATE);
            try {
                if (channel.tryLock() == null) {
                    throw inUse(directory, "process " + read(channel));
                }
                write(channel, Long.toString(ProcessHandle.current().pid()));
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            return new DirectoryLock(real, channel);
        } catch (FileSystemException e) {
            HELD.remove(real);
            throw new IOException("the lock file in " + directory + " cannot be opened: " + Errno.describe(e), e);
        } catch (IOException | RuntimeException e) {
            HELD.remove(real);
            throw e;
        }
    }

    private static IOException inUse(Path directory, String who) {
        return new IOException("the directory " + directory + " is in use by another nbd-runner (" + who
                + "): stop that one, or give this one a directory of its own");
    }

    private static String read(FileChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(20);
        channel.read(bytes, 0);
        return StandardCharsets.US_ASCII.decode(bytes.flip()).toString().strip();
    }

    private static void write(FileChannel channel, String text) throws IOException {
        channel.truncate(0);
        channel.write(StandardCharsets.US_ASCII.encode(text + "\n"), 0);
    }

    /** Gives the lock up; the file stays, for deleting it would race with an instance that has just opened it. */
    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            HELD.remove(directory);
        }
    }
}
