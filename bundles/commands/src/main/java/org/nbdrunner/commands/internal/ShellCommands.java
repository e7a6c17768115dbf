package org.nbdrunner.commands.internal;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Descriptor;
import org.apache.felix.service.command.Function;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.commands.CommandException;
import org.nbdrunner.commands.Commands;
import org.nbdrunner.commands.Environment;
import org.nbdrunner.netlink.KernelMapper;
import org.nbdrunner.netlink.Mapper;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;

/** Offers the commands in the Gogo shell, scope {@code nbd}: one for each handler that is present, and those of all handlers. */
@Component(
        service = {},
        immediate = true)
public final class ShellCommands {
    private static final String SCOPE = "nbd";

    private final BundleContext context;
    private final Control control;
    private final Mapper mapper = new KernelMapper();
    private final ServiceRegistration<?> common;

    /** Null if there is none. */
    @Reference(
            cardinality = ReferenceCardinality.OPTIONAL,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    volatile HandlerAdmin handlerAdmin;

    /** Guarded by itself. */
    private final Map<String, ServiceRegistration<Function>> handlers = new TreeMap<>();

    /** How many services there are of each name: a handler's successor may come before it goes. Guarded by {@link #handlers}. */
    private final Map<String, Integer> services = new HashMap<>();

    /**
     * Registers the commands of all handlers.
     *
     * @param context registers them
     * @param control what they ask
     */
    @Activate
    public ShellCommands(BundleContext context, @Reference Control control) {
        this.context = context;
        this.control = control;
        common = context.registerService(
                Object.class,
                new Common(),
                FrameworkUtil.asDictionary(Map.of("osgi.command.scope", SCOPE, "osgi.command.function", new String[] {
                    "nbd", "list", "info", "handler"
                })));
    }

    @Reference(
            service = Handler.class,
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            unbind = "removeHandler")
    void addHandler(ServiceReference<Handler> reference) {
        if (reference.getProperty(HandlerName.PROPERTY) instanceof String name) {
            synchronized (handlers) {
                services.merge(name, 1, Integer::sum);
                handlers.computeIfAbsent(name, this::register);
            }
        }
    }

    void removeHandler(ServiceReference<Handler> reference) {
        if (reference.getProperty(HandlerName.PROPERTY) instanceof String name) {
            synchronized (handlers) {
                if (services.computeIfPresent(name, (n, count) -> count > 1 ? count - 1 : null) != null) {
                    return;
                }
                ServiceRegistration<Function> registration = handlers.remove(name);
                if (registration != null) {
                    registration.unregister();
                }
            }
        }
    }

    /** Methods, not functions as those of the handlers are: the shell's own help tells of methods only. */
    final class Common {

        @Descriptor("the commands of nbd-runner, as nbd-cli has them; without words: what they are")
        public void nbd(CommandSession session, @Descriptor("a command's words") Object... words)
                throws CommandException {
            run(session, words.length == 0 ? List.of("help") : List.of(words));
        }

        @Descriptor("lists the backstores of nbd-runner, and the kernel's devices")
        public void list(CommandSession session, @Descriptor("[STATE]") Object... words) throws CommandException {
            run("list", session, List.of(words));
        }

        @Descriptor("tells of one backstore of nbd-runner")
        public void info(CommandSession session, @Descriptor("CFG") Object... words) throws CommandException {
            run("info", session, List.of(words));
        }

        @Descriptor("lists, installs, upgrades and removes the handlers of nbd-runner; handler help says how")
        public void handler(CommandSession session, @Descriptor("a command's words") Object... words)
                throws CommandException {
            run("handler", session, List.of(words));
        }
    }

    private ServiceRegistration<Function> register(String name) {
        return context.registerService(
                Function.class,
                (session, arguments) -> run(name, session, arguments),
                FrameworkUtil.asDictionary(Map.of("osgi.command.scope", SCOPE, "osgi.command.function", name)));
    }

    private Object run(String name, CommandSession session, List<?> arguments) throws CommandException {
        List<Object> words = new ArrayList<>(arguments);
        words.add(0, name);
        return run(session, words);
    }

    /** What it throws the shell shows, and scripts can catch. */
    private Object run(CommandSession session, List<?> words) throws CommandException {
        PrintStream console = session.getConsole();
        try {
            new Commands(new Shell(console))
                    .execute(words.stream().map(String::valueOf).toList());
        } catch (CommandException e) {
            console.print(e.help());
            throw e;
        }
        return null;
    }

    /** Ends the commands. */
    @Deactivate
    public void deactivate() {
        common.unregister();
        synchronized (handlers) {
            handlers.values().forEach(ServiceRegistration::unregister);
            handlers.clear();
            services.clear();
        }
    }

    private final class Shell implements Environment {
        private final PrintStream console;

        Shell(PrintStream console) {
            this.console = console;
        }

        @Override
        public Control control(String host) throws ControlException {
            refuse(host);
            return control;
        }

        @Override
        public HandlerAdmin handlerAdmin(String host) throws ControlException {
            refuse(host);
            HandlerAdmin admin = handlerAdmin;
            if (admin == null) {
                throw new ControlException(
                        Errno.ENOTSUP,
                        "this runner has no administration of handlers: the bundle that does it is not active");
            }
            return admin;
        }

        private static void refuse(String host) throws ControlException {
            if (!host.isEmpty()) {
                throw new ControlException(
                        Errno.EINVAL, "host is for nbd-cli: this shell is inside of the runner it asks");
            }
        }

        @Override
        public Mapper mapper() {
            return mapper;
        }

        @Override
        public List<String> handlers() {
            synchronized (handlers) {
                return List.copyOf(handlers.keySet());
            }
        }

        @Override
        public String program() {
            return "";
        }

        @Override
        public PrintStream out() {
            return console;
        }

        @Override
        public PrintStream err() {
            return console;
        }

        @Override
        public boolean terminal() {
            return true;
        }
    }
}
