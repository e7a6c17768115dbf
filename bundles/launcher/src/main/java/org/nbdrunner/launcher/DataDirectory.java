package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The directory for state and logs, held by one runner at a time. The lock is the operating system's: it goes when the process goes,
 * however it ends.
 */
final class DataDirectory implements AutoCloseable {
    private static final String LOCK = "nbd-runner.lock";

    private final FileChannel channel;

    private DataDirectory(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the directory.
     *
     * @param directory which
     * @return it, until closed
     * @throws StartException if it is missing, not writable, or another runner has it
     */
    static DataDirectory lock(Path directory) throws StartException {
        if (!Files.isDirectory(directory)) {
            throw new StartException("the data directory " + directory
                    + " is missing: make it, or set NBD_RUNNER_DATA to one that exists");
        }
        Path file = directory.resolve(LOCK);
        try {
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                channel.close();
                throw new StartException(
                        "another nbd-runner (process " + Files.readString(file).strip()
                                + ") is using the data directory " + directory
                                + ": stop it, or set NBD_RUNNER_DATA to another directory");
            }
            channel.truncate(0);
            String pid = ProcessHandle.current().pid() + "\n";
            channel.write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.US_ASCII)));
            return new DataDirectory(channel);
        } catch (IOException e) {
            throw new StartException("cannot write to the data directory " + directory + ": " + Failures.line(e), e);
        }
    }

    /** Lets others have it. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
