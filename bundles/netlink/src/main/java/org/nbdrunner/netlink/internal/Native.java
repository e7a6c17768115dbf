package org.nbdrunner.netlink.internal;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The C library, loaded when it is first asked for: that takes a good part of a second, and most commands can do without. */
final class Native {
    private static LibC libc;

    private Native() {}

    /**
     * The library.
     *
     * @return always the same
     * @throws StorageException {@link Errno#ENOTSUP} if native code cannot be loaded
     */
    static synchronized LibC libc() throws StorageException {
        if (libc == null) {
            try {
                libc = LibraryLoader.create(LibC.class).load("c");
            } catch (LinkageError e) {
                throw new StorageException(
                        Errno.ENOTSUP,
                        "cannot load native code (" + e.getMessage()
                                + "): this needs Linux on x86_64 or aarch64, and a java.io.tmpdir not mounted noexec",
                        e);
            }
        }
        return libc;
    }

    /**
     * The error number of this thread's last call.
     *
     * @param library what was called
     * @return positive
     */
    static int errno(LibC library) {
        return Runtime.getRuntime(library).getLastError();
    }

    /**
     * The system's words for an error number.
     *
     * @param errno positive
     * @return such as {@code Connection refused}
     * @throws StorageException if native code cannot be loaded
     */
    static String words(int errno) throws StorageException {
        return libc().strerror(errno);
    }
}
