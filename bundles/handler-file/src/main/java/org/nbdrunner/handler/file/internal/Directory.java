package org.nbdrunner.handler.file.internal;

import static org.nbdrunner.handler.file.internal.OpenFlags.O_CLOEXEC;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_CREAT;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_DIRECTORY;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_EXCL;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_NOCTTY;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_NOFOLLOW;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_NONBLOCK;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_RDONLY;
import static org.nbdrunner.handler.file.internal.OpenFlags.O_RDWR;

import java.io.Closeable;
import java.nio.file.Path;

/**
 * An open directory. Everything in it is reached by one plain name and its descriptor, and symbolic links are followed nowhere: so nothing
 * that others rename or replace meanwhile leads out of the tree.
 */
final class Directory implements Closeable {
    private static final int AT_FDCWD = -100;
    private static final int AT_REMOVEDIR = 0x200;
    private static final int DIRECTORY_MODE = 0750;
    private static final int FILE_MODE = 0600;

    private final Syscalls syscalls;
    private final Descriptor descriptor;

    private Directory(Syscalls syscalls, int fd) {
        this.syscalls = syscalls;
        descriptor = new Descriptor(syscalls, fd);
    }

    /**
     * Opens the top of a tree. Here alone symbolic links are followed: the administrator has named it.
     *
     * @param syscalls used from here on
     * @param path absolute
     * @return open
     * @throws SyscallFailure if it is no directory, or not accessible
     */
    static Directory open(Syscalls syscalls, Path path) throws SyscallFailure {
        int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        return new Directory(
                syscalls, SyscallFailure.check(syscalls, syscalls.openat(AT_FDCWD, path.toString(), flags, 0)));
    }

    /**
     * Opens a directory in this one.
     *
     * @param name one name
     * @return open
     * @throws SyscallFailure {@code ENOTDIR} or {@code ELOOP} if it is something else, a symbolic link included
     */
    Directory child(String name) throws SyscallFailure {
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        return new Directory(syscalls, check(syscalls.openat(descriptor.number(), name, flags, 0)));
    }

    /**
     * Makes a directory in this one; {@link #sync} makes it durable.
     *
     * @param name one name
     * @return false if something of this name exists
     * @throws SyscallFailure if it cannot be made
     */
    boolean make(String name) throws SyscallFailure {
        int r = syscalls.mkdirat(descriptor.number(), name, DIRECTORY_MODE);
        if (r == -Syscalls.EEXIST) {
            return false;
        }
        check(r);
        return true;
    }

    /** Makes an empty file that does not exist yet. */
    Descriptor newFile(String name) throws SyscallFailure {
        int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        return new Descriptor(syscalls, check(syscalls.openat(descriptor.number(), name, flags, FILE_MODE)));
    }

    /** Opens what is there, without waiting for the other end of a pipe. See first that it is a file: opening a device does things to it. */
    Descriptor file(String name, boolean writable) throws SyscallFailure {
        int flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        return new Descriptor(syscalls, check(syscalls.openat(descriptor.number(), name, flags, 0)));
    }

    FileStatus status(String name) throws SyscallFailure {
        return FileStatus.of(syscalls, descriptor.number(), name);
    }

    boolean has(String name) throws SyscallFailure {
        try {
            status(name);
            return true;
        } catch (SyscallFailure e) {
            if (e.is(Syscalls.ENOENT)) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Gives a file another name in this directory, at once and only if that is free.
     *
     * @param name its name
     * @param newName its new one
     * @throws SyscallFailure {@code EEXIST} if something has that name
     */
    void moveToFree(String name, String newName) throws SyscallFailure {
        int r = syscalls.renameNoReplace(descriptor.number(), name, newName);
        if (r == -Syscalls.EINVAL || r == -Syscalls.ENOSYS) {
            // Not every file system can; a second name is as safe.
            check(syscalls.linkat(descriptor.number(), name, newName));
            r = syscalls.unlinkat(descriptor.number(), name, 0);
        }
        check(r);
    }

    void unlink(String name) throws SyscallFailure {
        check(syscalls.unlinkat(descriptor.number(), name, 0));
    }

    void removeDirectory(String name) throws SyscallFailure {
        check(syscalls.unlinkat(descriptor.number(), name, AT_REMOVEDIR));
    }

    /** Makes changes of names in it durable. */
    void sync() throws SyscallFailure {
        check(syscalls.fsync(descriptor.number()));
    }

    private int check(int result) throws SyscallFailure {
        return SyscallFailure.check(syscalls, result);
    }

    @Override
    public void close() throws SyscallFailure {
        descriptor.close();
    }
}
