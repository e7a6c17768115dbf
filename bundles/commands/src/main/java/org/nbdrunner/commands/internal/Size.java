package org.nbdrunner.commands.internal;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 1.5G}, {@code 512}, {@code 2MiB}; powers of 1,024. */
final class Size {
    private static final String UNITS = "BKMGTPEZY";
    private static final long SECTOR = 512;

    /** The lengths bound what a long number costs to compute. */
    private static final Pattern FORM = Pattern.compile(
            "(?<number>[0-9]{1,20}(?:\\.[0-9]{1,20})?)(?:B|(?<unit>[KMGTPEZY])(?:I?B)?)?", Pattern.CASE_INSENSITIVE);

    private Size() {}

    /**
     * Reads a size.
     *
     * @throws IllegalArgumentException with a text for the user
     */
    static long parse(String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException(
                    "size " + text + " is no size: write a number with B, K, M, G, T, P or E, as 1.5G");
        }
        int unit = m.group("unit") == null
                ? 0
                : UNITS.indexOf(Character.toUpperCase(m.group("unit").charAt(0)));
        BigDecimal bytes = new BigDecimal(m.group("number")).multiply(new BigDecimal(BigInteger.TWO.pow(10 * unit)));
        if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException("size " + text + " is too large: less than 8E is possible");
        }
        long value;
        try {
            value = bytes.longValueExact();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("size " + text + " is no whole number of bytes", e);
        }
        if (value == 0) {
            throw new IllegalArgumentException("size " + text + " is empty: at least " + SECTOR + " bytes are needed");
        }
        if (value % SECTOR != 0) {
            throw new IllegalArgumentException(
                    "size " + text + " is no multiple of " + SECTOR + ": the nearest " + nearest(value));
        }
        return value;
    }

    /** What stands behind the word {@code size}. */
    static long of(Words w, String help) throws UsageException {
        if (!w.has("size")) {
            throw new UsageException("size is missing", help);
        }
        try {
            return parse(w.value("size", ""));
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage(), help);
        }
    }

    /** The sizes around one that is no multiple of a sector, as far as they are sizes. */
    private static String nearest(long value) {
        long below = value - value % SECTOR;
        if (below == 0) {
            return "is " + SECTOR;
        }
        return below > Long.MAX_VALUE - SECTOR ? "is " + below : "are " + below + " and " + (below + SECTOR);
    }

    /** A size for people: exact, in the largest unit that leaves it whole. */
    static String show(long bytes) {
        long value = bytes;
        int unit = 0;
        while (value != 0 && value % 1024 == 0 && unit < 6) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? value + "B" : "" + value + UNITS.charAt(unit);
    }
}
