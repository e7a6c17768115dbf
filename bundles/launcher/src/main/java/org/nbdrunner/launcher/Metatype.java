package org.nbdrunner.launcher;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a component says about its configuration: an object class definition of the Metatype specification (OSGi Compendium R8, chapter
 * 105).
 *
 * @param factory whether there may be several configurations, {@code PID-NAME.cfg}
 * @param attributes by key
 */
record Metatype(boolean factory, Map<String, Attribute> attributes) {
    private static final Set<String> INTEGERS = Set.of("Integer", "Long", "Short", "Byte");
    private static final Set<String> FRACTIONS = Set.of("Double", "Float");

    /**
     * A key.
     *
     * @param type the name of a scalar type, or "" if values are not to be checked
     * @param min the least value, or ""
     * @param max the greatest value, or ""
     * @param options the values allowed; empty for any
     */
    record Attribute(String type, String min, String max, List<String> options) {

        /**
         * Judges a value.
         *
         * @param value as the file has it
         * @return what it must be; empty if it is right
         */
        String complaint(String value) {
            if (!options.isEmpty() && !options.contains(value)) {
                return "one of " + String.join(", ", options);
            }
            if (type.equals("Boolean")) {
                return value.equals("true") || value.equals("false") ? "" : "true or false";
            }
            if (!INTEGERS.contains(type) && !FRACTIONS.contains(type)) {
                return "";
            }
            return inBounds(value) ? "" : (INTEGERS.contains(type) ? "an integer" : "a number") + bounds();
        }

        private boolean inBounds(String value) {
            try {
                double number = INTEGERS.contains(type) ? Long.parseLong(value) : Double.parseDouble(value);
                return (min.isEmpty() || number >= Double.parseDouble(min))
                        && (max.isEmpty() || number <= Double.parseDouble(max))
                        && (!type.equals("Integer") || number == (int) number);
            } catch (NumberFormatException e) {
                return false;
            }
        }

        private String bounds() {
            if (!min.isEmpty() && !max.isEmpty()) {
                return " from " + min + " to " + max;
            }
            return (min.isEmpty() ? "" : " of at least " + min) + (max.isEmpty() ? "" : " of at most " + max);
        }
    }
}
