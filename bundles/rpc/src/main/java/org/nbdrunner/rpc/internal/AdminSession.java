package org.nbdrunner.rpc.internal;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.handler.Errno;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How one connection changes handlers: its upload, and what is done with it. For the thread of the connection. */
final class AdminSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdminSession.class);

    /** What names a handler or a feature file, and nothing in another directory or another line of the log. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    private final Administration administration;
    private final Object client;

    /** Null if none was begun. */
    private Uploads.Upload upload;

    /**
     * Without an upload.
     *
     * @param client for the log
     */
    AdminSession(Administration administration, Object client) {
        this.administration = administration;
        this.client = client;
    }

    /** Whether a piece of a file may come. */
    boolean isUploading() {
        return upload != null;
    }

    /** Does what a call asks, and gives the text of the answer. */
    String perform(int procedure, Arguments a) throws ControlException {
        HandlerAdmin admin = administration.service();
        switch (procedure) {
            case Program.BEGIN_UPLOAD -> {
                close();
                upload = administration.uploads().begin(a.size);
                return "";
            }
            case Program.UPLOAD -> {
                append(a);
                return "";
            }
            case Program.INSTALL -> {
                return apply("install", admin::install);
            }
            case Program.UPGRADE -> {
                return apply("upgrade", admin::upgrade);
            }
            case Program.ADD -> {
                check(a.feature);
                LOG.info("{} asks to add the handler {}", client, a.feature);
                return admin.add(a.feature);
            }
            default -> {
                check(a.handler);
                LOG.info("{} asks to remove the handler {}{}", client, a.handler, a.force ? ", by force" : "");
                admin.remove(a.handler, a.force);
                return "";
            }
        }
    }

    private static void check(String name) throws ControlException {
        if (!NAME.matcher(name).matches()) {
            throw new ControlException(
                    Errno.EINVAL,
                    "no handler has that name: letters, digits, dots, underscores and hyphens are possible");
        }
    }

    private void append(Arguments a) throws ControlException {
        Uploads.Upload u = begun();
        boolean appended = false;
        try {
            u.append(a.offset, a.data);
            appended = true;
        } finally {
            if (!appended) {
                close();
            }
        }
    }

    private Uploads.Upload begun() throws ControlException {
        if (upload == null) {
            throw new ControlException(Errno.EINVAL, "no file was sent");
        }
        return upload;
    }

    /** What is done with a bundle. */
    private interface Change {
        String to(Path bundle) throws ControlException;
    }

    private String apply(String what, Change change) throws ControlException {
        try {
            Uploads.Upload u = begun();
            Path file = u.complete();
            LOG.info("{} asks to {} a handler from a bundle of {} bytes", client, what, u.size());
            return change.to(file);
        } finally {
            close();
        }
    }

    /** Ends the upload, if there is one. */
    @Override
    public void close() {
        if (upload != null) {
            upload.close();
            upload = null;
        }
    }
}
