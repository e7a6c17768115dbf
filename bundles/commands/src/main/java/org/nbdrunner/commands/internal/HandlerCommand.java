package org.nbdrunner.commands.internal;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.commands.Environment;

/** handler: lists and changes the runner's handlers. */
final class HandlerCommand {
    private static final Set<String> NONE = Set.of();

    private final Environment environment;
    private final Help texts;

    HandlerCommand(Environment environment) {
        this.environment = environment;
        this.texts = new Help(environment);
    }

    void run(List<String> words) throws UsageException, ControlException {
        String all = texts.handlerCommands();
        if (words.isEmpty()) {
            throw new UsageException("which command?", all);
        }
        String command = Words.complete(words.get(0), Help.commandsOfHandlerCommand(), all);
        if (command == null) {
            throw new UsageException("there is no command " + words.get(0), all);
        }
        List<String> rest = words.subList(1, words.size());
        String help = texts.handlerCommand(command);
        switch (command) {
            case "list" -> list(Words.parse(rest, NONE, NONE, 0, 0, help));
            case "install" -> install(Words.parse(rest, NONE, NONE, 1, 1, help), help);
            case "upgrade" -> upgrade(Words.parse(rest, NONE, NONE, 1, 1, help), help);
            case "remove" -> remove(Words.parse(rest, NONE, Set.of("force"), 1, 1, help));
            default -> environment.out().print(all);
        }
    }

    private void list(Words w) throws ControlException {
        List<HandlerInfo> handlers = environment.control(w.host()).handlers();
        if (w.json()) {
            StringBuilder json = new StringBuilder();
            for (HandlerInfo h : handlers) {
                json.append(json.isEmpty() ? "" : ",\n").append(Json.object(members(h)));
            }
            environment.out().println("[" + json + "]");
            return;
        }
        Table table = new Table("NAME", "VERSION", "BUNDLE", "STATE", "BACKSTORES", "EXPORTS", "IN-FLIGHT", "REMARK");
        for (HandlerInfo h : handlers) {
            table.add(
                    h.name(),
                    dash(h.version()),
                    h.bundle() < 0 ? "-" : "" + h.bundle(),
                    h.state().text(),
                    "" + h.backstores(),
                    "" + h.exports(),
                    "" + h.inFlight(),
                    dash(h.remark()));
        }
        table.print(environment.out());
    }

    private static String dash(String s) {
        return s.isEmpty() ? "-" : s;
    }

    private static Map<String, Object> members(HandlerInfo h) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("name", h.name());
        m.put("type", h.type());
        m.put("version", h.version());
        m.put("bundle", h.bundle());
        m.put("state", h.state().text());
        m.put("backstores", h.backstores());
        m.put("exports", h.exports());
        m.put("in_flight", h.inFlight());
        m.put("remark", h.remark());
        return m;
    }

    private void install(Words w, String help) throws UsageException, ControlException {
        String word = w.plain(0);
        if (word.contains("/") || word.endsWith(".jar")) {
            Path file = file(word, help);
            print(w, environment.handlerAdmin(w.host()).install(file));
        } else {
            print(w, environment.handlerAdmin(w.host()).add(word));
        }
    }

    private void upgrade(Words w, String help) throws UsageException, ControlException {
        Path file = file(w.plain(0), help);
        print(w, environment.handlerAdmin(w.host()).upgrade(file));
    }

    private static Path file(String word, String help) throws UsageException {
        try {
            return Path.of(word);
        } catch (InvalidPathException e) {
            throw new UsageException(word + " is no name of a file: " + e.getReason(), help);
        }
    }

    private void remove(Words w) throws ControlException {
        environment.handlerAdmin(w.host()).remove(w.plain(0), w.has("force"));
    }

    /** What came out: NAME VERSION. */
    private void print(Words w, String outcome) {
        if (w.json()) {
            String[] parts = outcome.split(" ", 2);
            Map<String, String> members = new LinkedHashMap<>();
            members.put("name", parts[0]);
            members.put("version", parts.length > 1 ? parts[1] : "");
            environment.out().println(Json.object(members));
        } else {
            environment.out().println(Printable.of(outcome));
        }
    }
}
