package org.nbdrunner.handler.gluster.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;

/** Makes, deletes and opens files on volumes. For use by any thread. */
final class GlusterFiles {
    /** How much is reserved between two reports of progress. */
    private static final long STEP = 64 << 20;

    private static final Duration CLOSE = Duration.ofSeconds(30);

    private final Gfapi gfapi;
    private final Connections connections;

    GlusterFiles(Gfapi gfapi, Connections connections) {
        this.gfapi = gfapi;
        this.connections = connections;
    }

    /** Something done with a connection, which it either releases or hands on, if it does not throw. */
    @FunctionalInterface
    private interface Use<T> {
        T of(Connection connection) throws StorageException;
    }

    /**
     * Does something with a connection. One that has become useless while nobody used it, perhaps because the volume was deleted and
     * made again, gives way to a new one.
     */
    private <T> T with(Location.Store store, Use<T> use) throws StorageException {
        Connection first = connections.acquire(store);
        boolean alone;
        try {
            return use.of(first);
        } catch (StorageException e) {
            alone = first.hasOneUser();
            first.release();
            if (!alone || !useless(e.errno())) {
                throw e;
            }
            connections.discard(first);
        }
        Connection second = connections.acquire(store);
        boolean done = false;
        try {
            T result = use.of(second);
            done = true;
            return result;
        } finally {
            if (!done) {
                second.release();
            }
        }
    }

    private static boolean useless(Errno errno) {
        return errno == Errno.ENOTCONN || errno == Errno.ESHUTDOWN || errno == Errno.EIO;
    }

    private static StorageException missing(Location at) {
        return new StorageException(Errno.ENOENT, "there is no file " + at.path() + " on volume " + at.store());
    }

    private static StorageException exists(Location at) {
        return new StorageException(Errno.EEXIST, at + " already exists!");
    }

    private int check(int result, Location at, String what) throws StorageException {
        if (result < 0) {
            throw Failures.of(gfapi, result, what + " " + at);
        }
        return result;
    }

    /**
     * Makes a file.
     *
     * @param at where; directories that are missing are made
     * @param size bytes
     * @param preallocate whether its space is reserved
     * @param progress told of reserving
     * @throws StorageException if it could not be made; nothing is left then, if the volume answers
     */
    void create(Location at, long size, boolean preallocate, ProgressListener progress) throws StorageException {
        with(at.store(), c -> {
            // Looked at first, so that nothing is made beside a file that exists.
            FileStatus.Result there = status(c, at);
            if (there.error() == 0) {
                throw exists(at);
            } else if (there.error() != -Gfapi.ENOENT) {
                throw Failures.of(gfapi, there.error(), "create " + at);
            }
            checkSpace(c, at, size, preallocate);
            List<String> made = new ArrayList<>();
            boolean done = false;
            try {
                makeDirectories(c, at, made);
                make(c, at, size, preallocate, progress);
                done = true;
            } finally {
                if (!done) {
                    removeDirectories(c, made);
                }
            }
            c.release();
            return null;
        });
    }

    private void checkSpace(Connection c, Location at, long size, boolean preallocate) throws StorageException {
        Gfapi.Space space = c.calls().call("see what is free", () -> gfapi.space(c.fs()));
        check(space.error(), at, "see what is free for");
        if (preallocate && space.free() < size) {
            throw new StorageException(
                    Errno.ENOSPC,
                    at + " needs " + size + " bytes on volume " + at.store() + ", where " + space.free() + " are free");
        } else if (space.total() < size) {
            throw new StorageException(
                    Errno.ENOSPC,
                    at + " would have " + size + " bytes, all of volume " + at.store() + " has " + space.total());
        }
    }

    private void makeDirectories(Connection c, Location at, List<String> made) throws StorageException {
        for (String directory : at.parents()) {
            int r = c.calls().call("make " + directory, () -> gfapi.makeDirectory(c.fs(), directory));
            if (r != -Gfapi.EEXIST) {
                check(r, at, "make directory " + directory + " for");
                made.add(directory);
            }
        }
    }

    /** Takes back directories that were made for a file that came to nothing, from below; another's file in one keeps it. */
    private void removeDirectories(Connection c, List<String> made) throws StorageException {
        for (int i = made.size() - 1; i >= 0; i--) {
            String directory = made.get(i);
            c.calls().call("remove " + directory, () -> gfapi.removeDirectory(c.fs(), directory));
        }
    }

    private void make(Connection c, Location at, long size, boolean preallocate, ProgressListener progress)
            throws StorageException {
        long fd = c.calls().call("create " + at, () -> gfapi.create(c.fs(), at.path()), late -> {
            if (late > 0) {
                gfapi.close(late);
                gfapi.unlink(c.fs(), at.path());
            }
        });
        if (fd == -Gfapi.EEXIST) {
            throw exists(at);
        } else if (fd < 0) {
            throw Failures.of(gfapi, fd, "create " + at);
        }
        boolean done = false;
        try {
            call(c, at, "set the size of", () -> gfapi.truncate(fd, size));
            if (preallocate) {
                reserve(c, at, fd, size, progress);
            }
            call(c, at, "create", () -> gfapi.sync(fd));
            done = true;
        } finally {
            c.calls().run(() -> {
                gfapi.close(fd);
            });
            if (!done) {
                c.calls().call("delete " + at, () -> gfapi.unlink(c.fs(), at.path()));
            }
        }
    }

    private void call(Connection c, Location at, String what, Supplier<Integer> call) throws StorageException {
        int r = c.calls().call(what + " " + at, call);
        if (r == -Gfapi.EFBIG || r == -Gfapi.EINVAL) {
            throw new StorageException(Errno.EFBIG, at + " would be larger than a file can be on volume " + at.store());
        }
        check(r, at, what);
    }

    private void reserve(Connection c, Location at, long fd, long size, ProgressListener progress)
            throws StorageException {
        for (long from = 0; from < size; from += STEP) {
            long offset = from;
            long n = Math.min(STEP, size - from);
            call(c, at, "reserve space for", () -> {
                int r = gfapi.reserve(fd, offset, n);
                return Failures.isUnsupported(r) ? gfapi.zerofill(fd, offset, n) : r;
            });
            progress.progress(from + n, size);
        }
    }

    /**
     * Deletes a file. Directories above it stay.
     *
     * @param at where
     * @throws StorageException {@link Errno#ENOENT} if there is none
     */
    void delete(Location at) throws StorageException {
        with(at.store(), c -> {
            regular(c, at);
            int r = c.calls().call("delete " + at, () -> gfapi.unlink(c.fs(), at.path()));
            if (r == -Gfapi.ENOENT) {
                throw missing(at);
            }
            check(r, at, "delete");
            c.release();
            return null;
        });
    }

    private FileStatus.Result status(Connection c, Location at) throws StorageException {
        return c.calls().call("look at " + at, () -> gfapi.status(c.fs(), at.path()));
    }

    private void regular(Connection c, Location at) throws StorageException {
        FileStatus.Result r = status(c, at);
        if (r.error() == -Gfapi.ENOENT) {
            throw missing(at);
        }
        check(r.error(), at, "look at");
        if (!r.status().isRegular()) {
            throw new StorageException(
                    r.status().isDirectory() ? Errno.EISDIR : Errno.EINVAL,
                    at + " is no plain file, as backstores of this handler are");
        }
    }

    /** A file that is open, and what it was then. */
    record Opened(OpenFile file, FileStatus status, boolean readOnly, boolean discards, boolean seeks) {}

    /**
     * Opens a file, for reading alone if it is not writable.
     *
     * @param at where
     * @param readOnly whether for reading alone anyway
     * @return the file; the caller closes it
     * @throws StorageException {@link Errno#ENOENT} if there is none
     */
    Opened open(Location at, boolean readOnly) throws StorageException {
        return with(at.store(), c -> {
            regular(c, at);
            boolean writable = !readOnly;
            long fd = open(c, at, writable);
            if (writable && (fd == -Gfapi.EACCES || fd == -Gfapi.EROFS)) {
                writable = false;
                fd = open(c, at, false);
            }
            if (fd < 0) {
                throw Failures.of(gfapi, fd, "open " + at);
            }
            OpenFile file = new OpenFile(c, fd, at.toString());
            boolean done = false;
            try {
                Opened opened = look(c, at, file, writable);
                done = true;
                return opened;
            } finally {
                if (!done) {
                    long opened = fd;
                    c.calls().run(() -> {
                        gfapi.close(opened);
                    });
                }
            }
        });
    }

    private long open(Connection c, Location at, boolean writable) throws StorageException {
        return c.calls().call("open " + at, () -> gfapi.open(c.fs(), at.path(), writable), late -> {
            if (late > 0) {
                gfapi.close(late);
            }
        });
    }

    private Opened look(Connection c, Location at, OpenFile file, boolean writable) throws StorageException {
        FileStatus.Result r = c.calls().call("look at " + at, () -> gfapi.status(file.fd()));
        check(r.error(), at, "look at");
        long size = r.status().size();
        // A hole behind the end of the file: tells whether there are holes, and changes nothing.
        int discard = writable
                ? c.calls().call("look at " + at, () -> gfapi.discard(file.fd(), size, Extents.SECTOR))
                : -Gfapi.EOPNOTSUPP;
        if (discard == -Gfapi.ENOSPC) {
            discard = 0; // full bricks refuse for the time being
        }
        if (discard < 0 && !Failures.isUnsupported(discard)) {
            check(discard, at, "look at");
        }
        long seek = c.calls().call("look at " + at, () -> gfapi.seek(file.fd(), size, Extents.SEEK_DATA));
        if (Failures.isPassing(seek)) {
            throw Failures.of(gfapi, seek, "look at " + at);
        }
        return new Opened(file, r.status(), !writable, discard >= 0, seek == -Gfapi.ENXIO);
    }

    /** Closes a file that is no longer wanted. */
    static void close(OpenFile file) throws StorageException {
        file.close(CLOSE);
    }
}
