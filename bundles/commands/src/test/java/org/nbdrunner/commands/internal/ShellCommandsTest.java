package org.nbdrunner.commands.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Function;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.commands.CommandException;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;

/** Commands come and go in the shell as handlers do. */
class ShellCommandsTest {
    private final Map<String, Function> functions = new TreeMap<>();
    private final List<String> asked = new ArrayList<>();
    private final ByteArrayOutputStream console = new ByteArrayOutputStream();
    private ControlException refusal;

    private final Control control = fake(Control.class, (proxy, method, arguments) -> {
        asked.add(method.getName() + " " + arguments[0] + " " + arguments[1]);
        if (refusal != null) {
            throw refusal;
        }
        return null;
    });

    private final BundleContext context = fake(BundleContext.class, (proxy, method, arguments) -> {
        assertEquals("registerService", method.getName());
        Dictionary<?, ?> properties = (Dictionary<?, ?>) arguments[2];
        Object names = properties.get("osgi.command.function");
        Map<String, Function> added = new TreeMap<>();
        for (String name : names instanceof String[] several ? several : new String[] {(String) names}) {
            added.put(
                    properties.get("osgi.command.scope") + ":" + name,
                    arguments[1] instanceof Function function ? function : method(arguments[1], name));
        }
        added.forEach((name, function) -> assertNull(functions.put(name, function), name + " is registered already"));
        return fake(ServiceRegistration.class, (p, m, a) -> {
            assertEquals("unregister", m.getName());
            added.keySet().forEach(name -> assertNotNull(functions.remove(name), name + " is not registered"));
            return null;
        });
    });

    private final ShellCommands shell = new ShellCommands(context, control);

    /** Calls a method as the shell does, which looks for it by name. */
    private static Function method(Object target, String name) {
        return (session, words) -> {
            try {
                return target.getClass()
                        .getMethod(name, CommandSession.class, Object[].class)
                        .invoke(target, session, words.toArray());
            } catch (InvocationTargetException e) {
                throw (Exception) e.getCause();
            }
        };
    }

    private static <T> T fake(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    /** A service; without a name for null. */
    @SuppressWarnings("unchecked") // a proxy has no type arguments
    private static ServiceReference<Handler> handler(String name) {
        return fake(ServiceReference.class, (proxy, method, arguments) -> {
            assertEquals("getProperty", method.getName());
            return arguments[0].equals("nbd.handler.name") ? name : null;
        });
    }

    private Object type(String function, Object... arguments) throws Exception {
        PrintStream out = new PrintStream(console, true, StandardCharsets.UTF_8);
        CommandSession session = fake(CommandSession.class, (proxy, method, a) -> {
            assertEquals("getConsole", method.getName());
            return out;
        });
        return functions.get(function).execute(session, List.of(arguments));
    }

    private String said() {
        return console.toString(StandardCharsets.UTF_8);
    }

    @Test
    void hasTheCommandsOfAllHandlersFromTheStart() {
        assertEquals(
                "[nbd:handler, nbd:info, nbd:list, nbd:nbd]", functions.keySet().toString());
    }

    @Test
    void hasACommandForEachHandlerWhileItIsThere() {
        ServiceReference<Handler> file = handler("file");
        shell.addHandler(file);
        shell.addHandler(handler("dummy"));
        assertTrue(functions.keySet().containsAll(List.of("nbd:file", "nbd:dummy")), functions::toString);
        shell.removeHandler(file);
        assertTrue(!functions.containsKey("nbd:file") && functions.containsKey("nbd:dummy"), functions::toString);
        shell.addHandler(handler("file"));
        assertTrue(functions.containsKey("nbd:file"), functions::toString);
    }

    @Test
    void ignoresHandlersWithoutAName() {
        shell.addHandler(handler(null));
        assertEquals(4, functions.size(), functions::toString);
        shell.removeHandler(handler(null));
        assertEquals(4, functions.size(), functions::toString);
    }

    @Test
    void takesTheSameWords() throws Exception {
        shell.addHandler(handler("file"));
        assertNull(type("nbd:file", "create", "a.img", "size", "1G"));
        assertEquals(List.of("create file a.img"), asked);
        assertEquals("", said().replaceAll("\r[0-9]+ % of 1G ?", ""));
    }

    @Test
    void takesWordsThatTheShellHasConverted() throws Exception {
        shell.addHandler(handler("dummy"));
        type("nbd:dummy", "create", 7L, "size", 512);
        assertEquals(List.of("create dummy 7"), asked);
    }

    @Test
    void throwsTheReasonOfARefusal() {
        shell.addHandler(handler("file"));
        refusal = new ControlException(Errno.ENOENT, "there is no backstore a.img");
        CommandException e = assertThrows(CommandException.class, () -> type("nbd:file", "delete", "a.img"));
        assertEquals("there is no backstore a.img", e.getMessage());
        assertEquals("", said(), "the shell says it");
    }

    @Test
    void refusesAHostForItIsInsideTheRunner() {
        shell.addHandler(handler("file"));
        CommandException e =
                assertThrows(CommandException.class, () -> type("nbd:file", "delete", "a.img", "host", "elsewhere"));
        assertEquals(List.of(), asked);
        assertEquals("host is for nbd-cli: this shell is inside of the runner it asks", e.getMessage());
    }

    @Test
    void changesHandlersWhereThereIsAnAdministration() throws Exception {
        CommandException e =
                assertThrows(CommandException.class, () -> type("nbd:handler", "install", "/tmp/rot13.jar"));
        assertTrue(e.getMessage().startsWith("this runner has no administration of handlers"), e::getMessage);
        shell.handlerAdmin = fake(HandlerAdmin.class, (proxy, method, arguments) -> {
            asked.add(method.getName() + " " + arguments[0]);
            return "rot13 1.0.0";
        });
        type("nbd:handler", "install", "/tmp/rot13.jar");
        assertEquals("rot13 1.0.0\n", said());
        assertThrows(CommandException.class, () -> type("nbd:handler", "remove", "rot13", "host", "elsewhere"));
        assertEquals(List.of("install /tmp/rot13.jar"), asked);
    }

    @Test
    void helpShowsWhatIsTypedInTheShell() throws Exception {
        shell.addHandler(handler("file"));
        type("nbd:nbd");
        assertTrue(said().startsWith("usage: HANDLER COMMAND ...    with HANDLER one of: file\n"), this::said);
        console.reset();
        type("nbd:handler", "help");
        assertEquals("""
                usage: handler list
                       handler install FILE|FEATURE
                       handler upgrade FILE
                       handler remove  NAME [force]
                       handler help

                """, said().substring(0, said().indexOf("FILE  ")));
        type("nbd:file", "help");
        assertThrows(CommandException.class, () -> type("nbd:list", "no such state"));
        assertFalse(said().contains("nbd-cli"), this::said);
        assertFalse(said().contains("HOST"), this::said);
    }

    @Test
    void anyCommandMayFollowTheNameOfTheShellsScope() throws Exception {
        shell.addHandler(handler("file"));
        type("nbd:nbd", "file", "create", "a.img", "size", "1G");
        assertEquals(List.of("create file a.img"), asked);
    }

    @Test
    void leavesNothingBehind() {
        shell.addHandler(handler("file"));
        shell.addHandler(handler("dummy"));
        shell.deactivate();
        assertEquals(Map.of(), functions);
        shell.removeHandler(handler("file"));
    }

    @Test
    void showsHowACommandIsUsedAndThrowsTheReason() {
        shell.addHandler(handler("file"));
        CommandException e = assertThrows(CommandException.class, () -> type("nbd:file", "delete"));
        assertEquals("something is missing", e.getMessage());
        assertTrue(said().startsWith("usage: file delete CFG\n"), this::said);
    }

    @Test
    void keepsTheCommandWhileAnotherHandlerOfTheNameIsThere() {
        ServiceReference<Handler> old = handler("file");
        ServiceReference<Handler> successor = handler("file");
        shell.addHandler(old);
        shell.addHandler(successor);
        shell.removeHandler(old);
        assertTrue(functions.containsKey("nbd:file"), functions::toString);
        shell.removeHandler(successor);
        assertFalse(functions.containsKey("nbd:file"), functions::toString);
    }
}
