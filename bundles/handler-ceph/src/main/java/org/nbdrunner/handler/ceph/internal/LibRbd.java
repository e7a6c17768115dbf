package org.nbdrunner.handler.ceph.internal;

import jnr.ffi.annotations.Delegate;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.intptr_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;
import jnr.ffi.types.u_int64_t;

/**
 * What is used of librbd. Each function is that of {@code rbd/librbd.h}; a name is a C string, a handle or buffer is its address, and a
 * result below 0 is a negative error number. Public because jnr-ffi implements it.
 *
 * <p>None may be declared with six parameters, of which jnr-ffi passes the last as garbage on x86-64 (its issue 181). Who has six is given
 * a seventh, which the caller leaves where the callee does not look.
 */
public interface LibRbd {
    /** Flag of {@link #rbd_aio_write2}: the write is on stable storage when it completes. */
    int OP_FLAG_FUA = 0x80;
    /** Flag of {@link #rbd_aio_write_zeroes}: the range stays allocated. */
    int WRITE_ZEROES_THICK = 1;
    /** Of {@link #rbd_set_image_notification}: the descriptor is an eventfd. */
    int EVENT_TYPE_EVENTFD = 2;
    /** Of {@link #rbd_lock_acquire}. */
    int LOCK_MODE_EXCLUSIVE = 0;
    /** A bit of the features. */
    long FEATURE_EXCLUSIVE_LOCK = 1L << 2;
    /** A bit of the features. */
    long FEATURE_FAST_DIFF = 1L << 4;
    /** Of {@link #rbd_image_options_set_uint64}: the features, a bit each. */
    int OPTION_FEATURES = 1;
    /** Of {@link #rbd_image_options_set_uint64}: the binary logarithm of the size of an object. */
    int OPTION_ORDER = 2;

    /** The interface's version. */
    void rbd_version(@Out int[] major, @Out int[] minor, @Out int[] extra);

    /** Makes a set of options. */
    void rbd_image_options_create(@Out long[] options);

    /** Sets one. */
    int rbd_image_options_set_uint64(@intptr_t long options, int name, @u_int64_t long value);

    /** Ends a set of options. */
    void rbd_image_options_destroy(@intptr_t long options);

    /** Makes an image. */
    int rbd_create4(@intptr_t long io, @In byte[] name, @u_int64_t long size, @intptr_t long options);

    /** Told how far a removal has come. */
    interface Progress {
        /** Returns 0. */
        @Delegate
        int progress(@u_int64_t long done, @u_int64_t long total, @intptr_t long argument);
    }

    /** Deletes an image. */
    int rbd_remove_with_progress(@intptr_t long io, @In byte[] name, Progress progress, @intptr_t long argument);

    /** Opens an image. */
    int rbd_open(@intptr_t long io, @In byte[] name, @Out long[] image, @In byte[] snapshot);

    /** Opens an image or a snapshot for reading. */
    int rbd_open_read_only(@intptr_t long io, @In byte[] name, @Out long[] image, @In byte[] snapshot);

    /** Closes an image; waits for all that is in flight. */
    int rbd_close(@intptr_t long image);

    /** Changes the size. What is cut off is deleted, which takes its time. */
    int rbd_resize(@intptr_t long image, @u_int64_t long size);

    /** The size, as this client knows it. */
    int rbd_get_size(@intptr_t long image, @Out long[] size);

    /** The features, a bit each. */
    int rbd_get_features(@intptr_t long image, @Out long[] features);

    /** The image's id. */
    int rbd_get_id(@intptr_t long image, @Out byte[] id, @size_t long length);

    /** Lists what is stored beside the image; asks the cluster. */
    int rbd_metadata_list(
            @intptr_t long image,
            @In byte[] start,
            @u_int64_t long max,
            @Out byte[] keys,
            long[] keysLength,
            @Out byte[] values,
            long[] valuesLength);

    /** Takes the exclusive lock and does not pass it on by request. */
    int rbd_lock_acquire(@intptr_t long image, int mode);

    /** Whether this client has the exclusive lock; asks the cluster. */
    int rbd_is_exclusive_lock_owner(@intptr_t long image, @Out int[] owner);

    /** Who has the exclusive lock. */
    int rbd_lock_get_owners(@intptr_t long image, @Out int[] mode, @Out long[] owners, long[] count);

    /** Frees what {@link #rbd_lock_get_owners} gave. */
    void rbd_lock_get_owners_cleanup(@In long[] owners, @size_t long count);

    /** Takes the lock from its owner, whom the cluster then shuts out. */
    int rbd_lock_break(@intptr_t long image, int mode, @In byte[] owner);

    /** Told of an extent. */
    interface Diff {
        /** Returns 0, or a negative number to end the iteration. */
        @Delegate
        int extent(@u_int64_t long offset, @size_t long length, int exists, @intptr_t long argument);
    }

    /** Tells the extents that hold data; waits for the cluster. */
    int rbd_diff_iterate2(
            @intptr_t long image,
            @In byte[] from,
            @u_int64_t long offset,
            @u_int64_t long length,
            byte includeParent,
            byte wholeObject,
            Diff callback,
            @intptr_t long argument);

    /** Makes a range zero; waits for the cluster. */
    @ssize_t
    long rbd_write_zeroes(@intptr_t long image, @u_int64_t long offset, @size_t long length, int flags, int opFlags);

    /** Flushes; waits for the cluster. */
    int rbd_flush(@intptr_t long image);

    /** Has the completions of an image announced by a descriptor. */
    int rbd_set_image_notification(@intptr_t long image, int fd, int type);

    /** Takes announced completions. */
    int rbd_poll_io_events(@intptr_t long image, @intptr_t long completions, int max);

    /** Makes a completion; its address is stored where the last argument says. */
    int rbd_aio_create_completion(@intptr_t long argument, @intptr_t long callback, @intptr_t long completion);

    /** What an operation ended with. */
    @ssize_t
    long rbd_aio_get_return_value(@intptr_t long completion);

    /** What the completion was made with. */
    @intptr_t
    long rbd_aio_get_arg(@intptr_t long completion);

    /** Frees a completion. */
    void rbd_aio_release(@intptr_t long completion);

    /** Reads. */
    int rbd_aio_read(
            @intptr_t long image,
            @u_int64_t long offset,
            @size_t long length,
            @intptr_t long buffer,
            @intptr_t long completion);

    /** Writes. */
    int rbd_aio_write(
            @intptr_t long image,
            @u_int64_t long offset,
            @size_t long length,
            @intptr_t long buffer,
            @intptr_t long completion);

    /** Writes, with flags; jnr-ffi needs ten times as long for the call. */
    int rbd_aio_write2(
            @intptr_t long image,
            @u_int64_t long offset,
            @size_t long length,
            @intptr_t long buffer,
            @intptr_t long completion,
            int opFlags,
            int unused);

    /** Gives a range up. */
    int rbd_aio_discard(
            @intptr_t long image, @u_int64_t long offset, @u_int64_t long length, @intptr_t long completion);

    /** Makes a range zero. */
    int rbd_aio_write_zeroes(
            @intptr_t long image,
            @u_int64_t long offset,
            @size_t long length,
            @intptr_t long completion,
            int flags,
            int opFlags,
            int unused);

    /** Flushes. */
    int rbd_aio_flush(@intptr_t long image, @intptr_t long completion);
}
