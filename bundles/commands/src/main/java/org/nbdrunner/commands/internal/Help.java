package org.nbdrunner.commands.internal;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nbdrunner.commands.Environment;

/** What the commands are, and what help says of them. */
final class Help {
    private static final Map<String, String> OF_HANDLERS = new LinkedHashMap<>();
    private static final Map<String, String> OF_ALL = new LinkedHashMap<>();
    private static final Map<String, String> OF_HANDLER = new LinkedHashMap<>();
    private static final Map<String, String> LEGEND = new LinkedHashMap<>();

    /** What commands have in common that can ask another runner. */
    private static final String HOST = "[host HOST]";

    private static final String FORCE = "even if it becomes smaller: what is beyond its new end is lost";
    private static final String REMOVE = "even if its backstores are in use: what is mapped is dead until it is back";

    static {
        OF_HANDLERS.put("create", "CFG [prealloc] size SIZE [host HOST]");
        OF_HANDLERS.put("delete", "CFG [host HOST]");
        OF_HANDLERS.put("resize", "CFG size SIZE [force] [host HOST]");
        OF_HANDLERS.put("map", "CFG [NBD_DEVICE] [timeout SECONDS] [readonly] [host HOST]");
        OF_HANDLERS.put("unmap", "NBD_DEVICE|CFG [host HOST]");
        OF_HANDLERS.put("list", "[STATE] [host HOST]");
        OF_HANDLERS.put("info", "CFG [host HOST]");
        OF_HANDLERS.put("help", "");

        OF_ALL.put("list", "[STATE] [host HOST]");
        OF_ALL.put("info", "CFG [host HOST]");
        OF_ALL.put("handler", "");
        OF_ALL.put("completion", "bash");
        OF_ALL.put("help", "");
        OF_ALL.put("version", "");

        OF_HANDLER.put("list", "[host HOST]");
        OF_HANDLER.put("install", "FILE|FEATURE [host HOST]");
        OF_HANDLER.put("upgrade", "FILE [host HOST]");
        OF_HANDLER.put("remove", "NAME [force] [host HOST]");
        OF_HANDLER.put("help", "");

        LEGEND.put("SIZE", "a number with B, K, M, G, T, P or E, powers of 1024, fractions allowed: 1.5G");
        LEGEND.put("NBD_DEVICE", "/dev/nbdX; for map any free one unless given");
        LEGEND.put("SECONDS", "that an I/O may take before its connection is given up, 30 unless given");
        LEGEND.put("STATE", "inuse|map, free|unmap: the kernel's devices; create, dead, live: backstores; all");
        LEGEND.put("FILE", "a handler's bundle: a jar of this machine; its name has a / or ends in .jar");
        LEGEND.put("FEATURE", "a handler that was shipped with the runner, as file");
        LEGEND.put("NAME", "a handler, as handler list shows it");
        LEGEND.put("force", FORCE);
        LEGEND.put("HOST", "the runner's HOST[:PORT], or several with commas between; localhost unless given");
    }

    private final boolean shell;

    /**
     * Help for an environment: it shows what is to be typed there.
     *
     * @param environment where the commands run
     */
    Help(Environment environment) {
        this.shell = environment.program().isEmpty();
    }

    /** The commands that name no handler. */
    static Set<String> commandsOfAll() {
        return OF_ALL.keySet();
    }

    /** The commands of each handler. */
    static Set<String> commandsOfHandlers() {
        return OF_HANDLERS.keySet();
    }

    /** The commands behind {@code handler}. */
    static Set<String> commandsOfHandlerCommand() {
        return OF_HANDLER.keySet();
    }

    String all(List<String> handlers) {
        String text = shell ? """
                usage: HANDLER COMMAND ...    with HANDLER one of: %s
                       HANDLER help           what a handler's commands are
                       list [STATE]
                       info CFG
                       handler list
                       handler help           how handlers are installed, upgraded and removed
                       nbd ...                any of these, where another command has the same name

                STATE  inuse|map, free|unmap: the kernel's devices; create, dead, live: backstores; all
                --json makes what is printed JSON.
                """ : """
                usage: nbd-cli HANDLER COMMAND ...    with HANDLER one of: %s
                       nbd-cli HANDLER help           what a handler's commands are
                       nbd-cli list [STATE] [host HOST]
                       nbd-cli info CFG [host HOST]
                       nbd-cli handler list [host HOST]
                       nbd-cli handler help           how handlers are installed, upgraded and removed
                       nbd-cli completion bash
                       nbd-cli help | version

                STATE  inuse|map, free|unmap: the kernel's devices; create, dead, live: backstores; all
                HOST   the runner's HOST[:PORT], or several with commas between; localhost unless given
                --json makes what is printed JSON. Commands may be abbreviated.
                Exit status: 0 done, 1 refused or failed, 2 wrong usage.
                """;
        return text.formatted(String.join(", ", handlers));
    }

    /** All of a handler's commands. */
    String handler(String handler) {
        return usage(lines(handler, OF_HANDLERS, "%-6s %s"), cfg(handler), FORCE);
    }

    private static List<String> lines(String first, Map<String, String> commands, String format) {
        List<String> lines = new ArrayList<>();
        commands.forEach((command, words) ->
                lines.add(first + " " + (words.isEmpty() ? command : String.format(format, command, words))));
        return lines;
    }

    /** All commands behind {@code handler}. */
    String handlerCommands() {
        return usage(lines("handler", OF_HANDLER, "%-7s %s"), "", REMOVE);
    }

    /** One of them. */
    String handlerCommand(String command) {
        return usage(List.of(("handler " + command + " " + OF_HANDLER.get(command)).strip()), "", REMOVE);
    }

    /** One of a handler's commands. */
    String command(String handler, String command) {
        return usage(List.of((handler + " " + command + " " + OF_HANDLERS.get(command)).strip()), cfg(handler), FORCE);
    }

    /** One of the commands that name no handler. */
    String command(String command) {
        return usage(
                List.of((command + " " + OF_ALL.get(command)).strip()),
                "the name of a backstore of any handler",
                FORCE);
    }

    /** Usage lines, and a legend of the words in capitals that occur in them. */
    private String usage(List<String> commands, String cfg, String force) {
        StringBuilder s = new StringBuilder();
        List<String> lines = commands.stream()
                .map(command -> shell ? command.replace(HOST, "").stripTrailing() : "nbd-cli " + command)
                .toList();
        for (String line : lines) {
            s.append(s.isEmpty() ? "usage: " : "       ").append(line).append('\n');
        }
        Map<String, String> legend = new LinkedHashMap<>();
        legend.put("CFG", cfg);
        legend.putAll(LEGEND);
        legend.put("force", force);
        legend.keySet().removeIf(word -> lines.stream().noneMatch(line -> line.contains(word)));
        if (!legend.isEmpty()) {
            s.append('\n');
        }
        legend.forEach((word, meaning) -> s.append(String.format("%-11s %s\n", word, meaning)));
        return s.toString();
    }

    private static String cfg(String handler) {
        return switch (handler) {
            case "gluster" -> "VOLUME/FILEPATH";
            case "ceph" -> "POOL/IMAGE";
            case "azblk" -> "ACCOUNT.blob.core.windows.net/CONTAINER/BLOB[;sas=...][;lease=...][;http]";
            case "file" -> "PATH below the runner's configured directory";
            default -> "NAME";
        };
    }

    static String completion(List<String> handlers) {
        return """
                # bash completion for nbd-cli
                _nbd_cli() {
                    local cur=${COMP_WORDS[COMP_CWORD]} words
                    COMPREPLY=()
                    case $COMP_CWORD in
                        1) words="%1$s list info handler help version completion" ;;
                        2) case ${COMP_WORDS[1]} in
                               list) words="inuse free map unmap create dead live all host --json" ;;
                               handler) words="list install upgrade remove help" ;;
                               completion) words="bash" ;;
                               help | version | info) words="host --json" ;;
                               *) words="create delete resize map unmap list info help" ;;
                           esac ;;
                        *) case ${COMP_WORDS[2]} in
                               create) words="size prealloc host" ;;
                               resize) words="size force host --json" ;;
                               map) words="timeout readonly host --json $(compgen -G '/dev/nbd*' 2>/dev/null)" ;;
                               unmap) words="host $(compgen -G '/dev/nbd*' 2>/dev/null)" ;;
                               list) words="inuse free map unmap create dead live all host --json" ;;
                               *) words="host --json" ;;
                           esac
                           [ "${COMP_WORDS[1]}" != handler ] || _nbd_cli_handler ;;
                    esac
                    COMPREPLY+=($(compgen -W "$words" -- "$cur"))
                }
                _nbd_cli_handler() {
                    local IFS=$'\n'
                    case $COMP_CWORD${COMP_WORDS[2]} in
                        3install | 3upgrade)
                            compopt -o filenames 2>/dev/null
                            COMPREPLY=($(compgen -f -X '!*.jar' -- "$cur"; compgen -d -- "$cur"))
                            words= ;;
                        3remove) words="%1$s" ;;
                        *remove) words="force host" ;;
                        *) words="host --json" ;;
                    esac
                }
                complete -F _nbd_cli nbd-cli
                """.formatted(String.join(" ", handlers));
    }
}
