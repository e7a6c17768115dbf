package org.nbdrunner.api.handler;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Names a backstore: {@code KEY[;OPTION[=VALUE]…]}. The key alone is its identity: two strings with the same key mean the same
 * backstore. Options may hold secrets, so {@link #toString()} gives the key only.
 *
 * <p>Immutable.
 */
public final class Cfgstring {
    /** Most bytes that a string may have in UTF-8: it travels in a C array of 1,024 with its NUL. */
    public static final int MAX_BYTES = 1023;

    private final String key;
    private final Map<String, String> options;

    private Cfgstring(String key, Map<String, String> options) {
        this.key = key;
        this.options = Collections.unmodifiableMap(options);
    }

    /**
     * Takes a string apart.
     *
     * @param text the string
     * @return its parts
     * @throws StorageException {@link Errno#EINVAL} if the key is empty, a character is a control character, an option is empty or
     *     given twice, or the whole is longer than {@link #MAX_BYTES}
     */
    public static Cfgstring parse(String text) throws StorageException {
        Objects.requireNonNull(text, "text");
        String[] parts = text.split(";", -1);
        String key = parts[0];
        if (key.isEmpty()) {
            throw new StorageException(Errno.EINVAL, "the name of the backstore is empty");
        }
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new StorageException(Errno.EINVAL, "the name of the backstore has a control character");
        }
        if (text.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw new StorageException(
                    Errno.ENAMETOOLONG, "the name of the backstore with its options is over " + MAX_BYTES + " bytes");
        }
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = 1; i < parts.length; i++) {
            int eq = parts[i].indexOf('=');
            String name = eq < 0 ? parts[i] : parts[i].substring(0, eq);
            if (name.isEmpty() && i == parts.length - 1 && eq < 0) {
                break; // a trailing semicolon
            }
            if (name.isEmpty()) {
                throw new StorageException(Errno.EINVAL, key + ": an option has no name");
            }
            if (options.put(name, eq < 0 ? "" : parts[i].substring(eq + 1)) != null) {
                throw new StorageException(Errno.EINVAL, key + ": option " + name + " is given twice");
            }
        }
        return new Cfgstring(key, options);
    }

    /**
     * Puts a string together from its parts.
     *
     * @param key the identity
     * @param options values by name; the empty value stands for an option without one
     * @return the string
     * @throws StorageException as {@link #parse}
     */
    public static Cfgstring of(String key, Map<String, String> options) throws StorageException {
        return parse(new Cfgstring(key, new LinkedHashMap<>(options)).text());
    }

    /**
     * The backstore's identity: what stands before the first semicolon.
     *
     * @return not empty
     */
    public String key() {
        return key;
    }

    /**
     * The options, in the order given.
     *
     * @return values by name, unmodifiable; an option without a value has the empty one
     */
    public Map<String, String> options() {
        return options;
    }

    /**
     * Whether an option is given, with or without a value.
     *
     * @param name the option
     * @return true if so
     */
    public boolean has(String name) {
        return options.containsKey(name);
    }

    /**
     * The value of an option.
     *
     * @param name the option
     * @param otherwise returned if it is not given
     * @return the value
     */
    public String option(String name, String otherwise) {
        return options.getOrDefault(name, otherwise);
    }

    /**
     * All of the string, secrets included: for the wire and the saved configuration, never for a log.
     *
     * @return the string
     */
    public String text() {
        StringBuilder s = new StringBuilder(key);
        options.forEach((name, value) -> {
            s.append(';').append(name);
            if (!value.isEmpty()) {
                s.append('=').append(value);
            }
        });
        return s.toString();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Cfgstring c && c.key.equals(key) && c.options.equals(options);
    }

    @Override
    public int hashCode() {
        return key.hashCode();
    }

    /**
     * The key, without the options.
     *
     * @return fit for logs
     */
    @Override
    public String toString() {
        return key;
    }
}
