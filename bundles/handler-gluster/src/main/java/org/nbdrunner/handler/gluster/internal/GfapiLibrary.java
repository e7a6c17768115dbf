package org.nbdrunner.handler.gluster.internal;

import java.nio.ByteBuffer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.intptr_t;
import jnr.ffi.types.mode_t;
import jnr.ffi.types.off_t;
import jnr.ffi.types.size_t;

/**
 * What is used of {@code libgfapi.so.0}: the functions of {@code glusterfs/api/glfs.h}, in the versions of GlusterFS 7. Pointers are
 * numbers, strings are C strings in UTF-8; a callback is the address of an {@link IoCallback}. Public because jnr-ffi implements it.
 */
public interface GfapiLibrary {

    /** A volume's handle, not connected. */
    @intptr_t
    long glfs_new(@In byte[] volume);

    /** Adds a server that is asked for the volume's description. */
    int glfs_set_volfile_server(@intptr_t long fs, @In byte[] transport, @In byte[] host, int port);

    /** Where GlusterFS logs. */
    int glfs_set_logging(@intptr_t long fs, @In byte[] file, int level);

    /** Sets an option of the translators that a pattern names. */
    int glfs_set_xlator_option(@intptr_t long fs, @In byte[] xlator, @In byte[] key, @In byte[] value);

    /** Connects. */
    int glfs_init(@intptr_t long fs);

    /** Disconnects. */
    int glfs_fini(@intptr_t long fs);

    /** Exists since GlusterFS 7 and is never called: older ones call back with other arguments. */
    int glfs_set_statedump_path(@intptr_t long fs, @In byte[] path);

    /** As open(2) with {@code O_CREAT}. */
    @intptr_t
    long glfs_creat(@intptr_t long fs, @In byte[] path, int flags, @mode_t int mode);

    /** As open(2). */
    @intptr_t
    long glfs_open(@intptr_t long fs, @In byte[] path, int flags);

    /** As close(2). The callbacks of what is in flight never come. */
    int glfs_close(@intptr_t long fd);

    /** As stat(2). */
    int glfs_stat(@intptr_t long fs, @In byte[] path, @Out ByteBuffer stat);

    /** As fstat(2). */
    int glfs_fstat(@intptr_t long fd, @Out ByteBuffer stat);

    /** As statvfs(3). */
    int glfs_statvfs(@intptr_t long fs, @In byte[] path, @Out ByteBuffer stat);

    /** As mkdir(2). */
    int glfs_mkdir(@intptr_t long fs, @In byte[] path, @mode_t int mode);

    /** As rmdir(2). */
    int glfs_rmdir(@intptr_t long fs, @In byte[] path);

    /** As unlink(2). */
    int glfs_unlink(@intptr_t long fs, @In byte[] path);

    /** As ftruncate(2). */
    int glfs_ftruncate(@intptr_t long fd, @off_t long length, @intptr_t long before, @intptr_t long after);

    /** As fallocate(2). */
    int glfs_fallocate(@intptr_t long fd, int keepSize, @off_t long offset, @size_t long length);

    /** Punches a hole. */
    int glfs_discard(@intptr_t long fd, @off_t long offset, @size_t long length);

    /** Zeroes a range and allocates it. */
    int glfs_zerofill(@intptr_t long fd, @off_t long offset, @off_t long length);

    /** As fsync(2). */
    int glfs_fsync(@intptr_t long fd, @intptr_t long before, @intptr_t long after);

    /** As lseek(2). */
    @off_t
    long glfs_lseek(@intptr_t long fd, @off_t long offset, int whence);

    /** Begins a pread(2). */
    int glfs_pread_async(
            @intptr_t long fd,
            @intptr_t long buffer,
            @size_t long count,
            @off_t long offset,
            int flags,
            @intptr_t long callback,
            @intptr_t long data);

    /** Begins a pwrite(2). The buffer is free again when this returns. */
    int glfs_pwrite_async(
            @intptr_t long fd,
            @intptr_t long buffer,
            int count,
            @off_t long offset,
            int flags,
            @intptr_t long callback,
            @intptr_t long data);

    /** Begins an fdatasync(2). */
    int glfs_fdatasync_async(@intptr_t long fd, @intptr_t long callback, @intptr_t long data);

    /** Begins to punch a hole. */
    int glfs_discard_async(
            @intptr_t long fd, @off_t long offset, @size_t long length, @intptr_t long callback, @intptr_t long data);

    /** Begins to zero a range. */
    int glfs_zerofill_async(
            @intptr_t long fd, @off_t long offset, @off_t long length, @intptr_t long callback, @intptr_t long data);
}
