package org.nbdrunner.registry.internal.gate;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.StorageException;

/** The registry's own request: what completed must be durable before the volume is closed. */
class FlushRequest implements IoRequest {
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    /** Completes with the request, exceptionally if it failed. */
    CompletableFuture<Void> done() {
        return done;
    }

    @Override
    public Command command() {
        return Command.FLUSH;
    }

    @Override
    public long offset() {
        return 0;
    }

    @Override
    public long length() {
        return 0;
    }

    @Override
    public ByteBuffer buffer() {
        return null;
    }

    @Override
    public boolean fua() {
        return false;
    }

    @Override
    public boolean noHole() {
        return false;
    }

    @Override
    public boolean fastZero() {
        return false;
    }

    @Override
    public boolean oneExtent() {
        return false;
    }

    @Override
    public boolean extent(long length, boolean hole, boolean zero) {
        return false;
    }

    @Override
    public void complete() {
        done.complete(null);
    }

    @Override
    public void fail(Errno error, String message) {
        done.completeExceptionally(new StorageException(error, message));
    }
}
