package org.nbdrunner.commands.internal;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.commands.Environment;

/** The grammar: which command a line of words is. */
public final class CommandSet {
    private static final Set<String> NONE = Set.of();

    private final Environment environment;
    private final Help texts;

    /**
     * Commands in an environment.
     *
     * @param environment where they run
     */
    public CommandSet(Environment environment) {
        this.environment = environment;
        this.texts = new Help(environment);
    }

    /**
     * Runs a command.
     *
     * @param words as typed
     * @throws UsageException if they make no command
     * @throws ControlException if the runner refuses
     * @throws IOException if this machine does
     */
    public void run(List<String> words) throws UsageException, ControlException, IOException {
        if (words.isEmpty()) {
            throw new UsageException("", texts.all(environment.handlers()));
        }
        String first = words.get(0);
        List<String> rest = words.subList(1, words.size());
        switch (command(first)) {
            case "help" -> help(rest);
            case "version" -> version(rest);
            case "list" -> new ListCommand(environment, "").run(rest, texts.command("list"));
            case "info" -> info("", rest, texts.command("info"));
            case "handler" -> new HandlerCommand(environment).run(rest);
            case "completion" -> completion(rest);
            default -> ofHandler(first, rest);
        }
    }

    /** The command that names no handler and is meant by a word; the word itself if there is none: it may be a handler. */
    private String command(String word) throws UsageException {
        if (environment.handlers().contains(word)) {
            return word;
        }
        return switch (word) {
            case "-v", "--version" -> "version";
            default -> {
                String found = Words.complete(word, Help.commandsOfAll(), texts.all(environment.handlers()));
                yield found == null ? word : found;
            }
        };
    }

    private void ofHandler(String handler, List<String> words) throws UsageException, ControlException, IOException {
        if (!handler.matches("[a-z][a-z0-9-]{0,31}")) {
            throw new UsageException("there is no command " + handler, texts.all(environment.handlers()));
        }
        if (words.isEmpty()) {
            throw new UsageException("which command?", texts.handler(handler));
        }
        String command = Words.complete(words.get(0), Help.commandsOfHandlers(), texts.handler(handler));
        if (command == null) {
            throw new UsageException("there is no command " + words.get(0), texts.handler(handler));
        }
        List<String> rest = words.subList(1, words.size());
        String help = texts.command(handler, command);
        switch (command) {
            case "create" -> create(handler, rest, help);
            case "delete" -> delete(handler, rest, help);
            case "resize" -> new ResizeCommand(environment, handler).run(rest, help);
            case "map" -> new MapCommand(environment, handler).run(rest, help);
            case "unmap" -> new UnmapCommand(environment, handler).run(rest, help);
            case "list" -> new ListCommand(environment, handler).run(rest, help);
            case "info" -> info(handler, rest, help);
            default -> environment.out().print(texts.handler(handler));
        }
    }

    /** Help of everything, or of what has help of its own. */
    private void help(List<String> words) throws UsageException, ControlException, IOException {
        String topic = words.isEmpty() ? "" : command(words.get(0));
        if (topic.isEmpty() || (Help.commandsOfAll().contains(topic) && !topic.equals("handler"))) {
            environment.out().print(texts.all(environment.handlers()));
        } else {
            run(List.of(topic, "help"));
        }
    }

    private void create(String handler, List<String> words, String help) throws UsageException, ControlException {
        Words w = Words.parse(words, Set.of("size"), Set.of("prealloc"), 1, 1, help);
        long size = Size.of(w, help);
        Progress progress = new Progress(environment.err(), environment.terminal());
        try {
            environment.control(w.host()).create(handler, w.plain(0), size, w.has("prealloc"), progress);
        } finally {
            progress.end();
        }
    }

    private void delete(String handler, List<String> words, String help) throws UsageException, ControlException {
        Words w = Words.parse(words, NONE, NONE, 1, 1, help);
        environment.control(w.host()).delete(handler, w.plain(0));
    }

    private void info(String handler, List<String> words, String help)
            throws UsageException, ControlException, IOException {
        Words w = Words.parse(words, NONE, NONE, 1, 1, help);
        String key = Cfgstring.parse(w.plain(0)).key();
        for (BackstoreInfo b : environment.control(w.host()).list(handler)) {
            if (b.key().equals(key)) {
                Map<String, Object> members = ListCommand.members(b);
                if (w.json()) {
                    environment.out().println(Json.object(members));
                } else {
                    members.forEach((name, value) -> environment.out().println(name + ": " + Printable.of("" + value)));
                }
                return;
            }
        }
        throw new ControlException(Errno.ENOENT, "there is no backstore " + key);
    }

    private void version(List<String> words) throws UsageException {
        Words w = Words.parse(words, NONE, NONE, 0, 0, texts.command("version"));
        String version = Version.text();
        environment
                .out()
                .println(
                        w.json()
                                ? Json.object(new TreeMap<>(Map.of("version", version)))
                                : (environment.program().isEmpty() ? "nbd-runner" : environment.program()) + " "
                                        + version);
    }

    private void completion(List<String> words) throws UsageException {
        if (!words.equals(List.of("bash"))) {
            throw new UsageException("completion is there for: bash", texts.command("completion"));
        }
        environment.out().print(Help.completion(environment.handlers()));
    }
}
