package org.nbdrunner.handler.dummy.internal;

import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.api.handler.VolumeInfo;

/** A disk in use: answers each request at once, on the caller's thread. */
final class DummyVolume implements Volume {
    private final Disk disk;
    private volatile VolumeInfo info;

    DummyVolume(Disk disk, boolean readOnly) {
        this.disk = disk;
        info = VolumeInfo.builder(disk.size())
                .readOnly(readOnly)
                .with(
                        Capability.FLUSH,
                        Capability.FUA,
                        Capability.TRIM,
                        Capability.WRITE_ZEROES,
                        Capability.FAST_ZERO,
                        Capability.CACHE,
                        Capability.BLOCK_STATUS,
                        Capability.MULTI_CONN)
                .identity(disk.identity())
                .description(
                        "a disk in memory: its content is gone when it is deleted, its handler is stopped or nbd-runner ends")
                .build();
    }

    @Override
    public VolumeInfo info() {
        return info;
    }

    @Override
    public void submit(IoRequest request) {
        if (request.command() != Command.FLUSH && request.offset() + request.length() > info.size()) {
            request.fail(Errno.EIO, "the disk has been made smaller than where this request ends");
            return;
        }
        try {
            switch (request.command()) {
                case READ -> disk.read(request.buffer(), request.offset());
                case WRITE -> disk.write(request.buffer(), request.offset());
                case TRIM -> disk.zero(request.offset(), request.length(), false);
                case WRITE_ZEROES -> disk.zero(request.offset(), request.length(), request.noHole());
                case BLOCK_STATUS -> disk.extents(request);
                case FLUSH, CACHE -> {} // memory is as durable as it gets, and as near
            }
        } catch (StorageException e) {
            request.fail(e);
            return;
        } catch (OutOfMemoryError e) {
            request.fail(Errno.ENOSPC, "the Java virtual machine has no more memory for disks");
            return;
        }
        request.complete();
    }

    @Override
    public void resize(long size) throws StorageException {
        if (info.readOnly()) {
            throw new StorageException(Errno.EROFS, "the disk is open read-only");
        }
        boolean grows = size > info.size();
        if (!grows) {
            info = info.withSize(size);
        }
        disk.resize(size);
        info = info.withSize(size);
    }

    @Override
    public void close() {
        // The disk stays until it is deleted.
    }
}
