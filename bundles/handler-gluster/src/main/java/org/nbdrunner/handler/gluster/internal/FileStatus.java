package org.nbdrunner.handler.gluster.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * What a file is, from {@code struct stat}.
 *
 * @param inode number, the same for every client of the volume
 * @param mode kind and permissions
 * @param size bytes
 * @param allocated bytes
 */
record FileStatus(long inode, int mode, long size, long allocated) {
    /** More than the structure has. */
    static final int BYTES = 256;

    private static final int S_IFMT = 0xf000;
    private static final int S_IFDIR = 0x4000;
    private static final int S_IFREG = 0x8000;

    private static final int ST_INO = 8;
    private static final int ST_MODE =
            System.getProperty("os.arch").toLowerCase(Locale.ROOT).equals("amd64") ? 24 : 16;
    private static final int ST_SIZE = 48;
    private static final int ST_BLOCKS = 64;
    private static final int BLOCK = 512;

    /** A status, or a negative error number with none. */
    record Result(int error, FileStatus status) {}

    static ByteBuffer buffer() {
        return ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
    }

    static FileStatus of(ByteBuffer stat) {
        return new FileStatus(
                stat.getLong(ST_INO), stat.getInt(ST_MODE), stat.getLong(ST_SIZE), stat.getLong(ST_BLOCKS) * BLOCK);
    }

    boolean isRegular() {
        return (mode & S_IFMT) == S_IFREG;
    }

    boolean isDirectory() {
        return (mode & S_IFMT) == S_IFDIR;
    }
}
