package org.nbdrunner.commands.internal;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The words behind a command, taken apart: what has a keyword before it, flags, and the rest in order. */
final class Words {
    private final String help;
    private final Map<String, String> values = new HashMap<>();
    private final List<String> plain = new ArrayList<>();

    private Words(String help) {
        this.help = help;
    }

    /**
     * Takes words apart.
     *
     * @param keywords words that have a value behind them
     * @param flags words that stand alone
     * @param least of the other words
     * @param most of them
     */
    static Words parse(List<String> words, Set<String> keywords, Set<String> flags, int least, int most, String help)
            throws UsageException {
        Words w = new Words(help);
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            boolean first = w.plain.isEmpty() && least > 0;
            if (!first && (keywords.contains(word) || word.equals("host"))) {
                if (i + 1 == words.size()) {
                    throw new UsageException(word + " needs a value", help);
                }
                w.put(word, words.get(++i));
            } else if (word.equals("--json") || (!first && flags.contains(word))) {
                w.put(word, "");
            } else if (word.startsWith("--")) {
                throw new UsageException("unknown option " + word, help);
            } else if (w.plain.size() == most) {
                throw new UsageException("unexpected word " + word, help);
            } else {
                w.plain.add(word);
            }
        }
        if (w.plain.size() < least) {
            throw new UsageException("something is missing", help);
        }
        return w;
    }

    /** The command that a word is or begins, or that an option stands for; null if there is none. */
    static String complete(String word, Set<String> commands, String help) throws UsageException {
        if (word.equals("-h") || word.equals("--help")) {
            return "help";
        }
        if (commands.contains(word)) {
            return word;
        }
        String found = null;
        for (String c : commands) {
            if (!word.isEmpty() && c.startsWith(word)) {
                if (found != null) {
                    throw new UsageException(word + " may be " + found + " or " + c, help);
                }
                found = c;
            }
        }
        return found;
    }

    private void put(String word, String value) throws UsageException {
        if (values.put(word, value) != null) {
            throw new UsageException(word + " is given twice", help);
        }
    }

    boolean has(String word) {
        return values.containsKey(word);
    }

    String value(String keyword, String otherwise) {
        return values.getOrDefault(keyword, otherwise);
    }

    String host() {
        return value("host", "");
    }

    boolean json() {
        return has("--json");
    }

    /** A word that is neither keyword nor flag; empty if there are not so many. */
    String plain(int i) {
        return i < plain.size() ? plain.get(i) : "";
    }
}
