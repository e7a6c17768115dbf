package org.nbdrunner.rpc.internal;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Errno;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns calls into operations. For use by any thread. */
final class Dispatcher {
    private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

    private final Control control;

    /** Creations that run: bytes done and in all, by cfgstring. */
    private final Map<String, long[]> creations = new ConcurrentHashMap<>();

    Dispatcher(Control control) {
        this.control = control;
    }

    /**
     * Does what a call asks.
     *
     * @param admin the connection's part in the administration of handlers
     * @param local the address through which the client came: where it can reach I/O too, if that has no address of its own
     */
    Answer dispatch(int version, int procedure, Arguments a, AdminSession admin, String local) {
        Answer answer = new Answer();
        try {
            String handler =
                    version == Program.VERSION_1 && procedure != Program.NULL ? handler(a.type, procedure) : a.handler;
            perform(version, procedure, handler, a, answer, admin, local);
        } catch (ControlException e) {
            LOG.debug(
                    "Procedure {} for {} is refused: {}", procedure, a.cfgstring.split(";", 2)[0], e.getMessage());
            answer.exit = -e.errno().number();
            answer.text = e.getMessage();
        } catch (RuntimeException e) {
            LOG.error("Procedure {} failed by a fault of the server", procedure, e);
            answer.exit = -Errno.EIO.number();
            answer.text = "a fault of the server: see its log";
        }
        return answer;
    }

    private String handler(int type, int procedure) throws ControlException {
        if (type == HandlerTypes.ALL && procedure == Program.LIST) {
            return "";
        }
        List<HandlerInfo> present = control.handlers();
        for (HandlerInfo h : present) {
            if (h.type() == type) {
                return h.name();
            }
        }
        return HandlerTypes.name(type)
                .orElseThrow(() -> new ControlException(Errno.ENODEV, "There is no handler of type " + type + " here"));
    }

    private void perform(
            int version, int procedure, String handler, Arguments a, Answer answer, AdminSession admin, String local)
            throws ControlException {
        switch (procedure) {
            case Program.CREATE -> create(handler, a);
            case Program.DELETE -> control.delete(handler, a.cfgstring);
            case Program.PREMAP -> premap(handler, a, answer, local);
            case Program.POSTMAP -> control.postmap(handler, a.cfgstring, a.device, a.time);
            case Program.UNMAP -> {
                String device = control.unmap(handler, a.cfgstring, a.device);
                answer.text = a.cfgstring.isEmpty() ? "" : device;
            }
            case Program.RESIZE -> answer.text = control.resize(handler, a.cfgstring, a.size, a.force);
            case Program.LIST -> answer.text = Listing.text(version, control.list(handler));
            case Program.HANDLERS -> answer.text = Listing.handlersText(control.handlers());
            case Program.PROGRESS -> {
                long[] progress = creations.getOrDefault(a.cfgstring, new long[2]);
                synchronized (progress) {
                    answer.size = progress[0];
                    answer.blockSize = progress[1];
                }
            }
            case Program.BEGIN_UPLOAD, Program.UPLOAD, Program.INSTALL, Program.UPGRADE, Program.ADD, Program.REMOVE ->
                answer.text = admin.perform(procedure, a);
            default -> {} // NULL
        }
    }

    private void create(String handler, Arguments a) throws ControlException {
        long[] progress = new long[2];
        boolean watched = creations.putIfAbsent(a.cfgstring, progress) == null;
        try {
            control.create(handler, a.cfgstring, a.size, a.preallocate, (done, total) -> {
                synchronized (progress) {
                    progress[0] = done;
                    progress[1] = total;
                }
            });
        } finally {
            if (watched) {
                creations.remove(a.cfgstring);
            }
        }
    }

    private void premap(String handler, Arguments a, Answer answer, String local) throws ControlException {
        Premapped p = control.premap(handler, a.cfgstring, a.readOnly, a.timeout);
        answer.host = p.host().isEmpty() ? local : p.host();
        answer.port = p.port();
        answer.size = p.size();
        answer.blockSize = p.blockSize();
        answer.flags = p.flags();
        answer.connections = p.connections();
        if (!p.device().isEmpty()) {
            answer.exit = -Errno.EEXIST.number();
            answer.text = p.device();
        }
    }
}
