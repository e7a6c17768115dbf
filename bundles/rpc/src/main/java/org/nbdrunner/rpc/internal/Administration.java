package org.nbdrunner.rpc.internal;

import java.nio.file.Path;
import java.util.function.Supplier;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.handler.Errno;

/** Whether and how clients change handlers. For use by any thread. */
public final class Administration {
    private final boolean allowed;
    private final Supplier<HandlerAdmin> service;
    private final Uploads uploads;

    /**
     * An administration.
     *
     * @param allowed whether it is for clients at all
     * @param service gives who does it; null if nobody is there
     * @param directory for the files that clients send, and for nothing else
     */
    public Administration(boolean allowed, Supplier<HandlerAdmin> service, Path directory) {
        this(allowed, service, new Uploads(directory));
    }

    Administration(boolean allowed, Supplier<HandlerAdmin> service, Uploads uploads) {
        this.allowed = allowed;
        this.service = service;
        this.uploads = uploads;
    }

    /** For clients that may change nothing. */
    static Administration forbidden() {
        return new Administration(false, () -> null, (Uploads) null);
    }

    /**
     * Who changes handlers.
     *
     * @throws ControlException {@link Errno#EPERM} if clients may not, {@link Errno#ENOTSUP} if nobody is there
     */
    HandlerAdmin service() throws ControlException {
        if (!allowed) {
            throw new ControlException(
                    Errno.EPERM,
                    "handlers cannot be changed over the network here: set handlerAdministration = true in"
                            + " conf/org.nbdrunner.rpc.cfg, or change them in the Gogo shell of nbd-runner");
        }
        HandlerAdmin admin = service.get();
        if (admin == null) {
            throw new ControlException(
                    Errno.ENOTSUP,
                    "the runner has no administration of handlers: the bundle that does it is not active");
        }
        return admin;
    }

    /** The files that clients send; only where {@link #service} has not refused. */
    Uploads uploads() {
        return uploads;
    }
}
