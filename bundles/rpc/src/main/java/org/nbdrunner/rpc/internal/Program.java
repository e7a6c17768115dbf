package org.nbdrunner.rpc.internal;

/**
 * The numbers of the control program. Version 1 is gluster/nbd-runner's; version 2 names handlers instead of numbering them, and tells
 * more.
 */
public final class Program {
    public static final int NUMBER = 0x3f0a37eb;
    public static final int PORT = 24110;
    public static final int VERSION_1 = 1;
    public static final int VERSION_2 = 2;

    public static final int NULL = 0;
    public static final int CREATE = 1;
    public static final int DELETE = 2;
    public static final int PREMAP = 3;
    public static final int POSTMAP = 4;
    public static final int UNMAP = 5;
    public static final int LIST = 6;
    /** Version 2 only: the handlers present. */
    public static final int HANDLERS = 7;
    /** Version 2 only: how far a creation has come. */
    public static final int PROGRESS = 8;
    /** Version 2 only: the connection is going to send a file of this size. */
    public static final int BEGIN_UPLOAD = 9;
    /** Version 2 only: a piece of that file. */
    public static final int UPLOAD = 10;
    /** Version 2 only: installs the file as a handler. */
    public static final int INSTALL = 11;
    /** Version 2 only: puts the file in a handler's place. */
    public static final int UPGRADE = 12;
    /** Version 2 only: adds a handler that was shipped. */
    public static final int ADD = 13;
    /** Version 2 only: takes a handler away. */
    public static final int REMOVE = 14;
    /** Version 2 only: gives a backstore another size. */
    public static final int RESIZE = 15;

    /** Version 1's arrays of characters, NUL included. */
    static final int CFGSTRING = 1024;

    static final int DEVICE = 32;
    static final int TIME = 32;
    static final int HOST = 255;
    static final int PORT_TEXT = 32;

    /** Longest name of a handler in version 2. */
    static final int HANDLER = 32;

    /** Longest name of a feature. */
    static final int FEATURE = 255;

    /** Bytes of a file that one call brings. */
    static final int PIECE = 256 << 10;

    /** Bytes of a file in all. */
    static final long FILE = 64L << 20;

    private Program() {}

    static boolean has(int version, int procedure) {
        return procedure >= NULL && procedure <= (version == VERSION_1 ? LIST : RESIZE);
    }
}
