package org.nbdrunner.launcher;

import java.util.Map;

/**
 * Replaces <code>${name}</code> and <code>${name:-default}</code> in configuration values; <code>${env:NAME}</code> is an environment
 * variable. A name without value or default becomes empty. These are the rules that File Install follows for the files in {@code conf/}.
 */
final class Substitution {
    private static final String START = "${";
    private static final String DEFAULT = ":-";
    private static final String ENVIRONMENT = "env:";

    private final Map<String, String> properties;

    /**
     * Substitution from the given properties, and from system properties for names that are not among them.
     *
     * @param properties what has precedence
     */
    Substitution(Map<String, String> properties) {
        this.properties = properties;
    }

    String apply(String text) {
        StringBuilder result = new StringBuilder(text);
        int end = result.indexOf("}");
        while (end >= 0) {
            // The innermost variable ends first.
            int start = result.lastIndexOf(START, end);
            int next = end + 1;
            if (start >= 0) {
                String value = value(result.substring(start + START.length(), end));
                result.replace(start, end + 1, value);
                next = start + value.length();
            }
            end = result.indexOf("}", next);
        }
        return result.toString();
    }

    private String value(String expression) {
        int split = expression.indexOf(DEFAULT);
        String value = lookup(split < 0 ? expression : expression.substring(0, split));
        if (value != null && !value.isEmpty()) {
            return value;
        }
        return split < 0 ? "" : expression.substring(split + DEFAULT.length());
    }

    private String lookup(String name) {
        if (name.startsWith(ENVIRONMENT)) {
            return System.getenv(name.substring(ENVIRONMENT.length()));
        }
        String value = properties.get(name);
        return value != null ? value : System.getProperty(name);
    }
}
