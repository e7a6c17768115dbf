package org.nbdrunner.handler.gluster.internal;

import java.nio.ByteBuffer;

/**
 * GlusterFS's client library. What returns a number returns a negative error number where it failed; volumes and open files are such
 * numbers too, positive ones. All may wait for the storage, save the {@code begin…} methods. For use by any thread.
 */
interface Gfapi {
    int ENOENT = 2;
    int EIO = 5;
    int ENXIO = 6;
    int EBADF = 9;
    int EAGAIN = 11;
    int EACCES = 13;
    int EEXIST = 17;
    int EINVAL = 22;
    int EFBIG = 27;
    int ENOSPC = 28;
    int EROFS = 30;
    int EPIPE = 32;
    int ENOSYS = 38;
    int EBADFD = 77;
    int EOPNOTSUPP = 95;
    int ENETUNREACH = 101;
    int ECONNRESET = 104;
    int ENOTCONN = 107;
    int ESHUTDOWN = 108;
    int ETIMEDOUT = 110;
    int ECONNREFUSED = 111;
    int EHOSTUNREACH = 113;

    /** Told of the end of what a {@code begin…} method has begun. */
    @FunctionalInterface
    interface Completion {

        /**
         * It has ended. Called on one of GlusterFS's threads, or within the method that began it.
         *
         * @param id as given to that method
         * @param result bytes, or a negative error number
         */
        void done(long id, long result);
    }

    /** Free and total bytes of a volume, or a negative error number. */
    record Space(int error, long free, long total) {}

    /** Says who is told; before anything is begun. */
    void onCompletion(Completion completion);

    /** Whether the translators, without which no volume can be used, are installed where they are looked for. */
    boolean hasTranslators();

    /** A volume, not connected yet. */
    long newVolume(String name);

    /** Adds a management daemon. */
    int addServer(long fs, String host, int port);

    /** Sets an option of translators. */
    int setOption(long fs, String translators, String key, String value);

    /** Sets the log. */
    int log(long fs, String file, int level);

    /** Connects; may never return. */
    int init(long fs);

    /** Disconnects; takes many seconds. */
    int fini(long fs);

    /** Opens a file. */
    long open(long fs, String path, boolean writable);

    /** Makes a file that does not exist yet, and opens it. */
    long create(long fs, String path);

    /** Closes a file, of which nothing may be in flight. */
    int close(long fd);

    /** What a file is. */
    FileStatus.Result status(long fs, String path);

    /** What an open file is. */
    FileStatus.Result status(long fd);

    /** The space of a volume. */
    Space space(long fs);

    /** Makes a directory. */
    int makeDirectory(long fs, String path);

    /** Removes an empty directory. */
    int removeDirectory(long fs, String path);

    /** Removes a file. */
    int unlink(long fs, String path);

    /** Sets the size. */
    int truncate(long fd, long size);

    /** Reserves space within the size. */
    int reserve(long fd, long offset, long length);

    /** Punches a hole. */
    int discard(long fd, long offset, long length);

    /** Zeroes. */
    int zerofill(long fd, long offset, long length);

    /** Makes durable. */
    int sync(long fd);

    /** Looks for data or a hole. */
    long seek(long fd, long offset, int whence);

    /** Begins to read into memory, which must stay until the end. */
    int beginRead(long fd, long address, long length, long offset, long id);

    /** Begins to write from memory, which is free again on return. */
    int beginWrite(long fd, long address, int length, long offset, boolean durable, long id);

    /** Begins to make durable. */
    int beginSync(long fd, long id);

    /** Begins to punch a hole. */
    int beginDiscard(long fd, long offset, long length, long id);

    /** Begins to zero. */
    int beginZerofill(long fd, long offset, long length, long id);

    /** Where a direct buffer begins. */
    long address(ByteBuffer buffer);

    /** The C library's words for an error number. */
    String words(long errno);
}
