package org.nbdrunner.registry.internal;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;

/** A write of one byte, as the engine submits it: tells the export when it has completed. */
final class TestRequest implements IoRequest {
    private static final ByteBuffer DATA = ByteBuffer.allocateDirect(1);

    final AtomicInteger completions = new AtomicInteger();
    volatile Errno error;
    volatile String message;
    private final OpenExport export;

    TestRequest(OpenExport export) {
        this.export = export;
    }

    /** Submits one that the gate takes. */
    static TestRequest taken(OpenExport export) {
        TestRequest request = new TestRequest(export);
        if (!export.submit(request)) {
            throw new AssertionError("the gate is closed");
        }
        return request;
    }

    boolean done() {
        return completions.get() > 0;
    }

    @Override
    public Command command() {
        return Command.WRITE;
    }

    @Override
    public long offset() {
        return 0;
    }

    @Override
    public long length() {
        return 1;
    }

    @Override
    public ByteBuffer buffer() {
        return DATA.duplicate();
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
        end();
    }

    @Override
    public void fail(Errno newError, String newMessage) {
        error = newError;
        message = newMessage;
        end();
    }

    /** As the engine does: the first completion counts. */
    private void end() {
        if (completions.incrementAndGet() == 1) {
            export.completed();
        }
    }
}
