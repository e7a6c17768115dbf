package org.nbdrunner.handler.file.internal;

/**
 * The flags of openat(2). Two of them have other numbers on aarch64.
 *
 * @see <a href="https://github.com/torvalds/linux/blob/v6.1/arch/arm64/include/uapi/asm/fcntl.h">arm64/uapi/asm/fcntl.h</a>
 */
final class OpenFlags {
    private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");

    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_CREAT = 0x40;
    static final int O_EXCL = 0x80;
    static final int O_NOCTTY = 0x100;
    static final int O_NONBLOCK = 0x800;
    static final int O_DIRECTORY = ARM ? 0x4000 : 0x10000;
    static final int O_NOFOLLOW = ARM ? 0x8000 : 0x20000;
    static final int O_CLOEXEC = 0x80000;

    private OpenFlags() {}
}
