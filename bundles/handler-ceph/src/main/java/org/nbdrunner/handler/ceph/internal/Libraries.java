package org.nbdrunner.handler.ceph.internal;

import com.kenai.jffi.MemoryIO;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jnr.ffi.LibraryLoader;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * The native libraries.
 *
 * @param rados librados
 * @param rbd librbd
 * @param libc the C library
 * @param memory of the process
 */
record Libraries(LibRados rados, LibRbd rbd, LibC libc, MemoryIO memory) {
    private static final String RADOS = "librados.so.2";
    private static final String RBD = "librbd.so.1";
    private static final String PACKAGES =
            "install the packages librados2 and librbd1 (both of Debian and of RPM systems)";

    /** Ceph 16, the first with all that is used. */
    private static final int MAJOR = 1;

    private static final int MINOR = 16;

    /**
     * Loads them.
     *
     * @return the libraries
     * @throws StorageException {@link Errno#ENOTSUP} if one is missing or too old; one line names the remedy
     */
    static Libraries load() throws StorageException {
        return load(RADOS, RBD);
    }

    static Libraries load(String radosName, String rbdName) throws StorageException {
        Libraries all = new Libraries(
                load(LibRados.class, radosName), load(LibRbd.class, rbdName), loadC(), MemoryIO.getInstance());
        int[] major = new int[1];
        int[] minor = new int[1];
        all.rbd.rbd_version(major, minor, new int[1]);
        if (major[0] < MAJOR || (major[0] == MAJOR && minor[0] < MINOR)) {
            throw new StorageException(
                    Errno.ENOTSUP,
                    rbdName + " has interface " + major[0] + "." + minor[0] + ", at least " + MAJOR + "." + MINOR
                            + " (Ceph 16) is needed: " + PACKAGES);
        }
        return all;
    }

    private static <T> T load(Class<T> type, String name) throws StorageException {
        try {
            return LibraryLoader.create(type).failImmediately().load(name);
        } catch (LinkageError e) {
            throw new StorageException(
                    Errno.ENOTSUP, "cannot load " + name + ": " + PACKAGES + " (" + firstLine(e) + ")");
        }
    }

    private static LibC loadC() throws StorageException {
        try {
            return LibraryLoader.create(LibC.class).load("c");
        } catch (LinkageError e) {
            throw new StorageException(
                    Errno.ENOTSUP,
                    "cannot load native code (" + firstLine(e)
                            + "): this needs Linux on x86_64 or aarch64, and a java.io.tmpdir not mounted noexec",
                    e);
        }
    }

    /** jnr-ffi goes on with all the paths where it has looked. */
    private static String firstLine(LinkageError e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    /** A C string; {@code null} stays what it is. */
    static byte[] cString(String s) {
        if (s == null) {
            return null;
        }
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    /** The text in an array that a C function has filled. */
    static String text(byte[] array) {
        int n = 0;
        while (n < array.length && array[n] != 0) {
            n++;
        }
        return new String(array, 0, n, StandardCharsets.UTF_8);
    }
}
