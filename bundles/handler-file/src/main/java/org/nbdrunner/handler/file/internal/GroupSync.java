package org.nbdrunner.handler.file.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.IoRequest;

/**
 * Completes requests once what was written before them is on stable storage. Requests that come while a sync runs share the next one, so
 * that no thread waits for its turn.
 *
 * <p>The kernel tells one sync of a failed write-back and the next ones nothing, though the data are lost. Hence only one sync runs at a
 * time, and after the first failure all fail, until the file is opened again.
 *
 * @see <a href="https://lwn.net/Articles/752063/">PostgreSQL's fsync() surprise</a>
 */
final class GroupSync {
    private final Syscalls syscalls;
    private final Descriptor file;
    private final String key;
    private final Executor executor;

    /** Guarded by this. */
    private List<IoRequest> waiting = new ArrayList<>();

    /** Guarded by this. */
    private boolean running;

    /** What the first failure said. Only the one running task touches it. */
    private String failure;

    GroupSync(Syscalls syscalls, Descriptor file, String key, Executor executor) {
        this.syscalls = syscalls;
        this.file = file;
        this.key = key;
        this.executor = executor;
    }

    /**
     * Completes a request after a sync that begins later than this call. Does not wait.
     *
     * @param request lent until then
     */
    void add(IoRequest request) {
        synchronized (this) {
            waiting.add(request);
            if (running) {
                return;
            }
            running = true;
        }
        try {
            executor.execute(this::run);
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            for (IoRequest r : take(true)) {
                r.fail(e);
            }
        }
    }

    private synchronized List<IoRequest> take(boolean stop) {
        List<IoRequest> taken = waiting;
        waiting = new ArrayList<>();
        running = !stop && !taken.isEmpty();
        return taken;
    }

    private void run() {
        for (List<IoRequest> group = take(false); !group.isEmpty(); group = take(false)) {
            if (failure == null) {
                int r = syscalls.fdatasync(file.number());
                if (r < 0) {
                    failure = "syncing " + key + " has failed (" + syscalls.words(r)
                            + "), so writes may be lost; nothing is called durable until it is opened again";
                }
            }
            for (IoRequest request : group) {
                if (failure == null) {
                    request.complete();
                } else {
                    request.fail(Errno.EIO, failure);
                }
            }
        }
    }
}
