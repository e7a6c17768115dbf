package org.nbdrunner.commands.internal;

import java.util.Map;

/** One line of JSON (RFC 8259) for what commands print; a library would take longer to load than the command to run. */
final class Json {
    private Json() {}

    /** An object; values are strings, numbers and booleans. */
    static String object(Map<String, ?> members) {
        StringBuilder s = new StringBuilder("{");
        members.forEach((name, value) -> {
            if (s.length() > 1) {
                s.append(',');
            }
            string(s, name);
            s.append(':');
            if (value instanceof String text) {
                string(s, text);
            } else {
                s.append(value);
            }
        });
        return s.append('}').toString();
    }

    private static void string(StringBuilder s, String text) {
        s.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                s.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f) {
                s.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
            } else {
                s.append(c);
            }
        }
        s.append('"');
    }
}
