package org.nbdrunner.launcher;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line: the options of today, and the words of an older form.
 *
 * @param action what is asked for
 * @param properties framework properties that the options set
 */
record Options(Action action, Map<String, String> properties) {

    /** What the program is to do. */
    enum Action {
        RUN,
        HELP,
        VERSION
    }

    /** The text of {@code --help}. */
    static final String HELP = """
            Usage: nbd-runner [OPTION]...
            Exports block storage as network block devices.

              -t, --threads=NUMBER  I/O threads per mapped backstore (default: as many as its handler wants)
              -r, --rhost=HOST      listen for control on HOST (default: 127.0.0.1; 0.0.0.0 is every address)
              -i, --ihost=HOST      listen for I/O on HOST (default: 127.0.0.1; 0.0.0.0 is every address)
              -G, --ghost=HOST      Gluster server (default: localhost)
              -u, --uid=UID         run as this user
              -g, --gid=GID         run as this group
              -v, --version         print the version
              -h, --help            print this help

            The older form is understood too:
              nbd-runner help | version | threads NUMBER | rpchost HOST | iohost HOST

            Options go before what the files in conf/ say. Environment:
              NBD_RUNNER_DATA       the directory for state and logs (default: data/ beside bin/)
              NBD_RUNNER_OPTS       more options for the Java virtual machine
              JAVA_HOME             the Java to use, 17 or newer (default: the java on the PATH)
            Exit status: 0 stopped cleanly, on SIGTERM and SIGINT too; 1 cannot start, or not stopped cleanly: not in
            time, or a volume could not be flushed or closed; 2 wrong usage.
            """;

    private static final int MAX_THREADS = 1024;

    private enum Option {
        THREADS("-t", "--threads", "threads", "nbd.threads"),
        CONTROL_HOST("-r", "--rhost", "rpchost", "nbd.rhost"),
        IO_HOST("-i", "--ihost", "iohost", "nbd.ihost"),
        GLUSTER_HOST("-G", "--ghost", null, "nbd.ghost");

        final String letter;
        final String name;
        final String word;
        final String property;

        Option(String letter, String name, String word, String property) {
            this.letter = letter;
            this.name = name;
            this.word = word;
            this.property = property;
        }
    }

    /**
     * Reads a command line. Help and version win over everything that follows them.
     *
     * @param args the arguments; {@code -u} and {@code -g} are the start script's, which has removed them
     * @return what they ask for
     * @throws UsageException if there is an unknown argument, or a value is missing or bad
     */
    static Options parse(List<String> args) throws UsageException {
        Deque<String> rest = new ArrayDeque<>(args);
        Map<String, String> properties = new LinkedHashMap<>();
        while (!rest.isEmpty()) {
            String arg = rest.pop();
            switch (arg) {
                case "-h", "--help", "help" -> {
                    return new Options(Action.HELP, Map.of());
                }
                case "-v", "--version", "version" -> {
                    return new Options(Action.VERSION, Map.of());
                }
                default -> parseOption(arg, rest, properties);
            }
        }
        return new Options(Action.RUN, Map.copyOf(properties));
    }

    private static void parseOption(String arg, Deque<String> rest, Map<String, String> properties)
            throws UsageException {
        for (Option option : Option.values()) {
            String value;
            if (arg.equals(option.letter) || arg.equals(option.name) || arg.equals(option.word)) {
                value = rest.poll();
            } else if (arg.startsWith(option.name + "=")) {
                value = arg.substring(option.name.length() + 1);
            } else if (arg.startsWith(option.letter)) {
                value = arg.substring(option.letter.length());
            } else {
                continue;
            }
            if (value == null || value.isBlank()) {
                throw new UsageException(arg + " needs a value");
            }
            properties.put(option.property, option == Option.THREADS ? threads(value) : value);
            return;
        }
        throw new UsageException("unknown " + (arg.startsWith("-") ? "option " : "argument ") + arg);
    }

    private static String threads(String value) throws UsageException {
        try {
            int threads = Integer.parseInt(value);
            if (threads >= 1 && threads <= MAX_THREADS) {
                return Integer.toString(threads);
            }
        } catch (NumberFormatException e) {
            // Refused below, like a number out of bounds.
        }
        throw new UsageException("the number of threads must be 1 to " + MAX_THREADS + ", not " + value);
    }
}
