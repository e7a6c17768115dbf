package org.nbdrunner.handler.file.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What statx(2) tells of a file.
 *
 * @param mode type and permissions
 * @param size bytes
 * @param allocated bytes on the disk
 * @param blockSize bytes, the file system's preference
 * @param identity device, inode and time of birth: no two files that ever are have the same
 */
record FileStatus(int mode, long size, long allocated, int blockSize, String identity) {
    private static final int BYTES = 256;
    private static final int STATX_BTIME = 0x800;

    private static final int TYPE = 0xf000;
    private static final int REGULAR = 0x8000;
    private static final int DIRECTORY = 0x4000;
    private static final int SYMBOLIC_LINK = 0xa000;
    private static final int ANY_WRITE = 0222;

    /**
     * Asks for the status.
     *
     * @param syscalls asked
     * @param directory a descriptor
     * @param name in that directory; empty for what the descriptor itself stands for
     * @return the status
     * @throws SyscallFailure if there is none to be had
     */
    static FileStatus of(Syscalls syscalls, int directory, String name) throws SyscallFailure {
        ByteBuffer b = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
        SyscallFailure.check(syscalls, syscalls.statx(directory, name, b));
        String identity = Integer.toHexString(b.getInt(136)) + ":" + Integer.toHexString(b.getInt(140)) + ":"
                + Long.toUnsignedString(b.getLong(32));
        if ((b.getInt(0) & STATX_BTIME) != 0) {
            identity += ":" + b.getLong(80) + "." + b.getInt(88);
        }
        return new FileStatus(b.getShort(28) & 0xffff, b.getLong(40), b.getLong(48) * 512, b.getInt(4), identity);
    }

    boolean isRegular() {
        return (mode & TYPE) == REGULAR;
    }

    boolean isDirectory() {
        return (mode & TYPE) == DIRECTORY;
    }

    /** Whether anybody may write it. The superuser could all the same. */
    boolean isWritable() {
        return (mode & ANY_WRITE) != 0;
    }

    /** What it is, for people. */
    String kind() {
        return switch (mode & TYPE) {
            case REGULAR -> "a file";
            case DIRECTORY -> "a directory";
            case SYMBOLIC_LINK -> "a symbolic link";
            default -> "a device, pipe or socket";
        };
    }
}
