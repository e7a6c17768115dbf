package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;

/** A file of this machine that is sent to a runner in pieces. For one thread. */
public final class BundleFile implements AutoCloseable {
    private final Path path;
    private final long size;
    private final InputStream in;
    private long read;

    private BundleFile(Path path, long size, InputStream in) {
        this.path = path;
        this.size = size;
        this.in = in;
    }

    /**
     * Opens a file.
     *
     * @param path where it is
     * @return the file, at its beginning
     * @throws ControlException if it cannot be read, or a runner would not take it
     */
    public static BundleFile open(Path path) throws ControlException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (!attributes.isRegularFile()) {
                throw new ControlException(Errno.EINVAL, path + " is no file");
            }
            if (attributes.size() == 0) {
                throw new ControlException(Errno.EINVAL, "file " + path + " is empty");
            }
            if (attributes.size() > Program.FILE) {
                throw new ControlException(
                        Errno.EFBIG,
                        "file " + path + " has " + attributes.size() + " bytes: at most " + Program.FILE
                                + " are possible");
            }
            return new BundleFile(path, attributes.size(), Files.newInputStream(path));
        } catch (NoSuchFileException e) {
            throw new ControlException(Errno.ENOENT, "there is no file " + path, e);
        } catch (AccessDeniedException e) {
            throw new ControlException(Errno.EACCES, "file " + path + " cannot be read: permission denied", e);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static ControlException unreadable(Path path, IOException e) {
        return new ControlException(Errno.of(e), "file " + path + " cannot be read: " + Errno.describe(e), e);
    }

    /** Bytes that it had when it was opened. */
    long size() {
        return size;
    }

    /** The next piece; empty after the last. */
    byte[] next() throws ControlException {
        int length = (int) Math.min(Program.PIECE, size - read);
        byte[] piece;
        try {
            piece = in.readNBytes(length);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
        if (piece.length < length) {
            throw new ControlException(Errno.EIO, "file " + path + " has become shorter while it was sent");
        }
        read += length;
        return piece;
    }

    @Override
    public void close() throws ControlException {
        try {
            in.close();
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }
}
