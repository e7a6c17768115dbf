package org.nbdrunner.handler.file.internal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;

/**
 * The files below a directory: makes, deletes and opens them. The directory is opened anew each time, so that what is mounted on it later
 * is seen. For use by any thread.
 */
final class FileTree {
    private static final int LOCK_SH = 1;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    /** How much is reserved between two reports of progress. */
    private static final long STEP = 64 << 20;

    private final Syscalls syscalls;
    private final Path root;

    /**
     * A tree.
     *
     * @param syscalls how it is used
     * @param root absolute
     */
    FileTree(Syscalls syscalls, Path root) {
        this.syscalls = syscalls;
        this.root = root;
    }

    /**
     * Makes a file. It has another name until it is complete and on the disk, so that no crash leaves half of it.
     *
     * @param path where
     * @param size bytes
     * @param preallocate whether its space is reserved
     * @param progress told of reserving
     * @throws IOException if it could not be made; nothing is left then, directories that were made for it included
     */
    void create(RelativePath path, long size, boolean preallocate, ProgressListener progress) throws IOException {
        List<Integer> made = new ArrayList<>();
        boolean done = false;
        try (Directory parent = makeParent(path, made)) {
            if (parent.has(path.file())) {
                throw exists(path);
            }
            create(parent, path, size, preallocate, progress);
            done = true;
        } catch (SyscallFailure e) {
            throw e.toStorage("cannot create " + path + " in " + root);
        } finally {
            if (!done) {
                removeMade(path, made);
            }
        }
    }

    private static StorageException exists(RelativePath path) {
        return new StorageException(Errno.EEXIST, path + " already exists!");
    }

    private void create(Directory parent, RelativePath path, long size, boolean preallocate, ProgressListener progress)
            throws IOException {
        String unfinished = "." + UUID.randomUUID() + RelativePath.UNFINISHED;
        String present = unfinished;
        boolean done = false;
        try (Descriptor file = parent.newFile(unfinished)) {
            lock(file, path, LOCK_EX);
            resize(file, path, size);
            if (preallocate) {
                reserve(file, path, size, progress);
            }
            SyscallFailure.check(syscalls, syscalls.fsync(file.number()));
            try {
                parent.moveToFree(unfinished, path.file());
            } catch (SyscallFailure e) {
                throw e.is(Syscalls.EEXIST) ? exists(path) : e;
            }
            present = path.file();
            parent.sync();
            done = true;
        } finally {
            if (!done && parent.has(present)) {
                parent.unlink(present);
            }
        }
    }

    private void resize(Descriptor file, RelativePath path, long size) throws IOException {
        int r = syscalls.ftruncate(file.number(), size);
        if (r == -Syscalls.EFBIG || r == -Syscalls.EINVAL) {
            throw new StorageException(
                    Errno.EFBIG,
                    path + ": " + size + " bytes are more than a file can have in the file system of " + root);
        }
        SyscallFailure.check(syscalls, r);
    }

    private void reserve(Descriptor file, RelativePath path, long size, ProgressListener progress) throws IOException {
        long free = SyscallFailure.check(syscalls, syscalls.freeSpace(file.number()));
        if (free < size) {
            throw new StorageException(
                    Errno.ENOSPC, path + " needs " + size + " bytes in " + root + ", where " + free + " are free");
        }
        StoredFile stored = new StoredFile(syscalls, file, path.toString());
        for (long at = 0; at < size; at += STEP) {
            long n = Math.min(STEP, size - at);
            stored.reserve(at, n);
            progress.progress(at + n, size);
        }
    }

    /** Walks to a file's parent and makes the directories that are missing; tells which of the path they were. */
    private Directory makeParent(RelativePath path, List<Integer> made) throws IOException {
        Directory d = Directory.open(syscalls, root);
        for (int i = 0; i < path.directories().size(); i++) {
            String name = path.directories().get(i);
            try (Directory above = d) {
                if (above.make(name)) {
                    made.add(i);
                    above.sync();
                }
                d = enter(above, name, path);
            }
        }
        return d;
    }

    private Directory parent(RelativePath path) throws IOException {
        Directory d = Directory.open(syscalls, root);
        for (String name : path.directories()) {
            try (Directory above = d) {
                d = enter(above, name, path);
            }
        }
        return d;
    }

    private static Directory enter(Directory above, String name, RelativePath path) throws IOException {
        try {
            return above.child(name);
        } catch (SyscallFailure e) {
            if (e.is(Syscalls.ENOTDIR) || e.is(Syscalls.ELOOP)) {
                throw new StorageException(
                        Errno.EINVAL, path + ": " + name + " is not a directory, or a symbolic link to one", e);
            }
            throw e;
        }
    }

    /** Takes back directories that were made for a file that came to nothing, from below; another's file in one keeps it. */
    private void removeMade(RelativePath path, List<Integer> made) {
        List<String> all = path.directories();
        for (int i = made.size() - 1; i >= 0; i--) {
            int depth = made.get(i);
            try (Directory above = parent(new RelativePath(all.subList(0, depth), all.get(depth)))) {
                above.removeDirectory(all.get(depth));
            } catch (IOException e) {
                return;
            }
        }
    }

    /**
     * Deletes a file. Directories above it stay.
     *
     * @param path where
     * @throws IOException {@link Errno#ENOENT} if there is none, {@link Errno#EBUSY} if another program uses it
     */
    void delete(RelativePath path) throws IOException {
        try (Directory parent = parent(path);
                Descriptor file = open(parent, path, false)) {
            lock(file, path, LOCK_EX);
            parent.unlink(path.file());
            parent.sync();
        } catch (SyscallFailure e) {
            throw explained(e, path, "delete");
        }
    }

    /** A file that is open and locked. */
    record Opened(Descriptor file, FileStatus status, boolean readOnly) {}

    /**
     * Opens a file, for reading alone if it is not writable.
     *
     * @param path where
     * @param readOnly whether for reading alone anyway
     * @return the file; the caller closes it
     * @throws IOException {@link Errno#ENOENT} if there is none, {@link Errno#EBUSY} if another program uses it
     */
    Opened open(RelativePath path, boolean readOnly) throws IOException {
        try (Directory parent = parent(path)) {
            boolean writable = !readOnly && regular(parent, path).isWritable();
            Descriptor file;
            try {
                file = open(parent, path, writable);
            } catch (SyscallFailure e) {
                if (!writable || !(e.is(Syscalls.EACCES) || e.is(Syscalls.EROFS) || e.is(Syscalls.EPERM))) {
                    throw e;
                }
                writable = false;
                file = open(parent, path, false);
            }
            boolean done = false;
            try {
                lock(file, path, writable ? LOCK_EX : LOCK_SH);
                Opened opened = new Opened(file, FileStatus.of(syscalls, file.number(), ""), !writable);
                done = true;
                return opened;
            } finally {
                if (!done) {
                    file.close();
                }
            }
        } catch (SyscallFailure e) {
            throw explained(e, path, "open");
        }
    }

    private static FileStatus regular(Directory parent, RelativePath path) throws IOException {
        return regular(parent.status(path.file()), path);
    }

    private static FileStatus regular(FileStatus status, RelativePath path) throws StorageException {
        if (!status.isRegular()) {
            throw new StorageException(
                    status.isDirectory() ? Errno.EISDIR : Errno.EINVAL,
                    path + " is " + status.kind() + ": backstores of this handler are plain files");
        }
        return status;
    }

    /** Looks before opening, which can do things to a device, and again at what was opened. */
    private Descriptor open(Directory parent, RelativePath path, boolean writable) throws IOException {
        regular(parent, path);
        Descriptor file = parent.file(path.file(), writable);
        boolean done = false;
        try {
            regular(FileStatus.of(syscalls, file.number(), ""), path);
            done = true;
            return file;
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    private void lock(Descriptor file, RelativePath path, int kind) throws IOException {
        int r = syscalls.flock(file.number(), kind | LOCK_NB);
        if (r == -Syscalls.EAGAIN) {
            throw new StorageException(
                    Errno.EBUSY,
                    path + " is in use by another program, which has locked it: perhaps another nbd-runner");
        } else if (r < 0) {
            throw new StorageException(
                    Errno.of(r),
                    path + " cannot be locked (" + syscalls.words(r)
                            + "): a network file system must be mounted with locks, or with local_lock=flock");
        }
    }

    private StorageException explained(SyscallFailure e, RelativePath path, String what) {
        if (e.is(Syscalls.ENOENT)) {
            return new StorageException(Errno.ENOENT, "there is no file " + path + " in " + root, e);
        } else if (e.is(Syscalls.ELOOP)) {
            return new StorageException(Errno.EINVAL, path + " is a symbolic link", e);
        }
        return e.toStorage("cannot " + what + " " + path + " in " + root);
    }

    /**
     * Deletes what a crash has left of a file that was being made, if none is making it.
     *
     * @param relative where
     * @return whether it was deleted
     * @throws IOException if it could not be
     */
    boolean deleteUnfinished(Path relative) throws IOException {
        List<String> names = new ArrayList<>();
        relative.forEach(name -> names.add(name.toString()));
        RelativePath path = new RelativePath(names.subList(0, names.size() - 1), names.get(names.size() - 1));
        try {
            delete(path);
            return true;
        } catch (StorageException e) {
            if (e.errno() == Errno.EBUSY || e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }
}
