package org.nbdrunner.api.control;

import java.util.Map;
import java.util.Optional;

/**
 * The numbers that stand for handlers in version 1 of the control program and in the saved configuration. Those below {@link #ALL} are
 * the C project's; ours begin at 1,000.
 */
public final class HandlerTypes {
    /** In a listing: every handler. */
    public static final int ALL = 3;

    private static final Map<String, Integer> TYPES =
            Map.of("gluster", 0, "ceph", 1, "azblk", 2, "dummy", 1000, "file", 1001);

    private static final int FIRST_HASHED = 10_000;
    private static final int HASHED = 1_000_000;

    private HandlerTypes() {}

    /**
     * The number of a handler. One that is not in the table gets a number from 10,000 up that depends on its name alone.
     *
     * @param name the handler
     * @return its number
     */
    public static int type(String name) {
        Integer type = TYPES.get(name);
        return type != null ? type : FIRST_HASHED + Math.floorMod(name.hashCode(), HASHED);
    }

    /**
     * The handler of a number in the table.
     *
     * @param type the number
     * @return its name; empty if the number is not in the table
     */
    public static Optional<String> name(int type) {
        return TYPES.entrySet().stream()
                .filter(e -> e.getValue() == type)
                .map(Map.Entry::getKey)
                .findFirst();
    }
}
