package org.nbdrunner.registry.internal.store;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * A backstore as the saved configuration has it. Immutable: each change makes a new one. Members that are not known
 * here stay as they are and where they are; a handler's options are members of their own, before {@code status}.
 */
public final class SavedBackstore {
    private static final String TYPE = "type";

    /** The handler's name, where the number does not tell it. */
    private static final String HANDLER = "handler";

    private static final String NBD = "nbd";
    private static final String MAPTIME = "maptime";
    private static final String SIZE = "size";
    private static final String BLKSIZE = "blksize";
    private static final String TIMEOUT = "timeout";
    private static final String READONLY = "readonly";
    private static final String PREALLOC = "prealloc";
    private static final String STATUS = "status";

    /** Names that no option of a handler may have. */
    public static final Set<String> RESERVED =
            Set.of(TYPE, HANDLER, NBD, MAPTIME, SIZE, BLKSIZE, TIMEOUT, READONLY, PREALLOC, STATUS);

    private static final List<String> TELLTALES = List.of(TYPE, NBD, SIZE, STATUS);
    private static final int DEFAULT_BLOCK = 512;

    /** Never changed once it is here. */
    private final JsonObject members;

    private SavedBackstore(JsonObject members) {
        this.members = members;
    }

    /**
     * A backstore that is not mapped.
     *
     * @param handler its handler's name
     * @param size bytes
     * @param preallocated whether it was made with all its space
     * @return it, of state {@link BackstoreState#CREATED}, without options
     */
    public static SavedBackstore create(String handler, long size, boolean preallocated) {
        int type = HandlerTypes.type(handler);
        JsonObject m = new JsonObject();
        m.addProperty(TYPE, type);
        if (HandlerTypes.name(type).isEmpty()) {
            m.addProperty(HANDLER, handler);
        }
        m.addProperty(NBD, "");
        m.addProperty(MAPTIME, "");
        m.addProperty(SIZE, size);
        m.addProperty(BLKSIZE, DEFAULT_BLOCK);
        m.addProperty(TIMEOUT, 0);
        m.addProperty(READONLY, false);
        m.addProperty(PREALLOC, preallocated);
        m.addProperty(STATUS, BackstoreState.CREATED.text());
        return new SavedBackstore(m);
    }

    /**
     * Whether a top-level member is a backstore, however damaged, and not something that only another program
     * understands.
     */
    static boolean isBackstore(JsonElement value) {
        return value instanceof JsonObject o && TELLTALES.stream().anyMatch(o::has);
    }

    /**
     * Reads one as a run of the server finds it: what was mapped then is dead now, all else is created.
     *
     * @throws IOException naming the member, if one that is needed is missing or one that is known is of the wrong type
     */
    static SavedBackstore read(JsonObject members) throws IOException {
        require(members, TYPE, true, "a whole number", v -> integer(v, Integer.MIN_VALUE, Integer.MAX_VALUE));
        require(members, NBD, false, "a string", SavedBackstore::isString);
        require(members, MAPTIME, false, "a string", SavedBackstore::isString);
        require(members, SIZE, true, "a number of bytes", v -> integer(v, 0, Long.MAX_VALUE));
        require(members, BLKSIZE, false, "a number of bytes", v -> integer(v, 0, Integer.MAX_VALUE));
        require(members, TIMEOUT, false, "a number of seconds", v -> integer(v, 0, Integer.MAX_VALUE));
        require(members, READONLY, false, "true or false", v -> v instanceof JsonPrimitive p && p.isBoolean());
        require(members, PREALLOC, false, "true or false", v -> v instanceof JsonPrimitive p && p.isBoolean());
        require(members, STATUS, false, "a string", SavedBackstore::isString);
        SavedBackstore b = new SavedBackstore(members);
        BackstoreState state = b.device().isEmpty() ? BackstoreState.CREATED : BackstoreState.DEAD;
        if (b.string(STATUS).equals(state.text())) {
            return b;
        }
        return state == BackstoreState.CREATED ? b.unmapped() : b.in(state);
    }

    @FunctionalInterface
    private interface Check {
        boolean passes(JsonElement value);
    }

    private static void require(JsonObject members, String name, boolean needed, String what, Check check)
            throws IOException {
        JsonElement value = members.get(name);
        if (value == null ? needed : !check.passes(value)) {
            throw new IOException("its member \"" + name + "\" is " + (value == null ? "missing" : "not " + what));
        }
    }

    private static boolean isString(JsonElement value) {
        return value instanceof JsonPrimitive p && p.isString();
    }

    private static boolean integer(JsonElement value, long min, long max) {
        if (!(value instanceof JsonPrimitive p) || !p.isNumber()) {
            return false;
        }
        try {
            BigDecimal n = p.getAsBigDecimal();
            return Math.abs((long) n.scale()) <= 20 && n.longValueExact() >= min && n.longValueExact() <= max;
        } catch (ArithmeticException | NumberFormatException e) {
            return false;
        }
    }

    /** The members, as they are written. */
    JsonObject members() {
        return members;
    }

    /**
     * The handler's number.
     *
     * @return as in {@link HandlerTypes}
     */
    public int type() {
        return (int) number(TYPE, 0);
    }

    /**
     * The handler's name, if the number does not tell it.
     *
     * @return empty if the number does, or the name has not been saved
     */
    public Optional<String> handler() {
        return Optional.ofNullable(members.get(HANDLER))
                .filter(SavedBackstore::isString)
                .map(JsonElement::getAsString)
                .filter(name -> HandlerTypes.type(name) == type());
    }

    /**
     * Where it is or was mapped.
     *
     * @return {@code /dev/nbdX}, else empty
     */
    public String device() {
        return string(NBD);
    }

    /**
     * When it was mapped.
     *
     * @return {@code YYYY-MM-DD hh:mm:ss}, else empty
     */
    public String mapTime() {
        return string(MAPTIME);
    }

    /**
     * Its size when last seen.
     *
     * @return bytes
     */
    public long size() {
        return number(SIZE, 0);
    }

    /**
     * The logical block size.
     *
     * @return bytes
     */
    public int blockSize() {
        return (int) number(BLKSIZE, DEFAULT_BLOCK);
    }

    /**
     * How long an I/O may take.
     *
     * @return seconds, 0 if not mapped
     */
    public int timeout() {
        return (int) number(TIMEOUT, 0);
    }

    /**
     * Whether it is mapped read-only.
     *
     * @return true if so
     */
    public boolean readOnly() {
        return flag(READONLY);
    }

    /**
     * Whether it was made with all its space.
     *
     * @return true if so
     */
    public boolean preallocated() {
        return flag(PREALLOC);
    }

    /**
     * The state.
     *
     * @return never null
     */
    public BackstoreState state() {
        return BackstoreState.parse(string(STATUS));
    }

    /**
     * The options of its handler.
     *
     * @param names the options that the handler knows
     * @return values by name; an option without a value has the empty one
     * @throws StorageException {@link Errno#EINVAL} naming the member, if one is neither a string nor a number
     */
    public Map<String, String> options(Set<String> names) throws StorageException {
        Map<String, String> options = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> e : members.entrySet()) {
            if (names.contains(e.getKey())) {
                String value = option(e.getKey(), e.getValue());
                if (value != null) {
                    options.put(e.getKey(), value);
                }
            }
        }
        return options;
    }

    /** The value of an option, or null for one that is switched off. */
    private static String option(String name, JsonElement value) throws StorageException {
        if (value instanceof JsonPrimitive p) {
            if (p.isString()) {
                return p.getAsString();
            }
            boolean on = p.isBoolean() ? p.getAsBoolean() : p.getAsBigDecimal().signum() != 0;
            return on ? "" : null;
        }
        throw new StorageException(
                Errno.EINVAL,
                "the member \"" + name + "\" in the saved configuration is neither a string nor a number");
    }

    /**
     * The same with other options.
     *
     * @param names the options that the handler knows
     * @param options what they are from now on; those that are not here are forgotten
     * @return a changed copy
     */
    public SavedBackstore withOptions(Set<String> names, Map<String, String> options) {
        JsonObject m = new JsonObject();
        Map<String, String> left = new LinkedHashMap<>(options);
        members.entrySet().forEach(e -> {
            String name = e.getKey();
            if (name.equals(STATUS)) {
                left.forEach((option, value) -> m.add(option, saved(value)));
                left.clear();
            }
            if (left.containsKey(name)) {
                m.add(name, saved(left.remove(name)));
            } else if (!names.contains(name)) {
                m.add(name, e.getValue());
            }
        });
        left.forEach((option, value) -> m.add(option, saved(value)));
        return new SavedBackstore(m);
    }

    private static JsonPrimitive saved(String value) {
        return value.isEmpty() ? new JsonPrimitive(1) : new JsonPrimitive(value);
    }

    /**
     * The same with what was seen when it was opened for a mapping.
     *
     * @param size bytes
     * @param blockSize bytes
     * @param timeout seconds
     * @param readOnly whether writes are refused
     * @return a changed copy
     */
    public SavedBackstore opened(long size, int blockSize, int timeout, boolean readOnly) {
        return with(m -> {
            m.addProperty(SIZE, size);
            m.addProperty(BLKSIZE, blockSize);
            m.addProperty(TIMEOUT, timeout);
            m.addProperty(READONLY, readOnly);
        });
    }

    /**
     * The same of another size.
     *
     * @param size bytes
     * @return a changed copy
     */
    public SavedBackstore resized(long size) {
        return with(m -> m.addProperty(SIZE, size));
    }

    /**
     * The same, mapped.
     *
     * @param device {@code /dev/nbdX}
     * @param mapTime {@code YYYY-MM-DD hh:mm:ss}
     * @return a changed copy, of state {@link BackstoreState#MAPPED}
     */
    public SavedBackstore mapped(String device, String mapTime) {
        return with(m -> {
            m.addProperty(NBD, device);
            m.addProperty(MAPTIME, mapTime);
            m.addProperty(STATUS, BackstoreState.MAPPED.text());
        });
    }

    /**
     * The same, not mapped any more.
     *
     * @return a changed copy, of state {@link BackstoreState#CREATED}
     */
    public SavedBackstore unmapped() {
        return with(m -> {
            m.addProperty(NBD, "");
            m.addProperty(MAPTIME, "");
            m.addProperty(TIMEOUT, 0);
            m.addProperty(READONLY, false);
            m.addProperty(STATUS, BackstoreState.CREATED.text());
        });
    }

    /**
     * The same in another state.
     *
     * @param state the state
     * @return a changed copy
     */
    public SavedBackstore in(BackstoreState state) {
        return with(m -> m.addProperty(STATUS, state.text()));
    }

    /** Setting a member that is there leaves it in its place. */
    private SavedBackstore with(Consumer<JsonObject> change) {
        JsonObject copy = members.deepCopy();
        change.accept(copy);
        return new SavedBackstore(copy);
    }

    private String string(String name) {
        JsonElement value = members.get(name);
        return value == null ? "" : value.getAsString();
    }

    private long number(String name, long otherwise) {
        JsonElement value = members.get(name);
        return value == null ? otherwise : value.getAsBigDecimal().longValueExact();
    }

    private boolean flag(String name) {
        JsonElement value = members.get(name);
        return value != null && value.getAsBoolean();
    }
}
