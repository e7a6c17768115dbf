package org.nbdrunner.handler.ceph.internal;

import java.util.LinkedHashMap;
import java.util.Map;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * How a new image is laid out.
 *
 * @param order the binary logarithm of the bytes of an object
 * @param features a bit each
 */
record ImageFormat(int order, long features) {
    private static final int MIN_ORDER = 12;
    private static final int MAX_ORDER = 25;
    private static final Map<String, Long> FEATURES = known();

    private static Map<String, Long> known() {
        Map<String, Long> all = new LinkedHashMap<>();
        all.put("layering", 1L);
        all.put("exclusive-lock", LibRbd.FEATURE_EXCLUSIVE_LOCK);
        all.put("object-map", 1L << 3);
        all.put("fast-diff", LibRbd.FEATURE_FAST_DIFF);
        all.put("deep-flatten", 1L << 5);
        return all;
    }

    /**
     * What the options {@code objsize} and {@code features} say, or by default: objects of 4 MiB, and the features that {@code rbd
     * create} gives.
     *
     * @throws StorageException {@link Errno#EINVAL} if they cannot be used
     */
    static ImageFormat of(Cfgstring cfg) throws StorageException {
        return new ImageFormat(
                order(cfg.option("objsize", "4M")), bits(cfg.option("features", String.join(",", FEATURES.keySet()))));
    }

    private static int order(String text) throws StorageException {
        int shift = switch (text.isEmpty() ? ' ' : Character.toUpperCase(text.charAt(text.length() - 1))) {
            case 'K' -> 10;
            case 'M' -> 20;
            default -> 0;
        };
        long size;
        try {
            size = Long.parseLong(shift == 0 ? text : text.substring(0, text.length() - 1));
        } catch (NumberFormatException e) {
            size = 0;
        }
        long bytes = size > 0 && size <= 1L << MAX_ORDER ? size << shift : 0;
        int order = Long.numberOfTrailingZeros(bytes);
        if (Long.bitCount(bytes) != 1 || order < MIN_ORDER || order > MAX_ORDER) {
            throw new StorageException(
                    Errno.EINVAL, "objsize is " + text + ", a power of two from 4K to 32M is needed");
        }
        return order;
    }

    private static long bits(String names) throws StorageException {
        long bits = LibRbd.FEATURE_EXCLUSIVE_LOCK; // nothing can be written without it
        for (String name : names.split(",", -1)) {
            Long bit = FEATURES.get(name);
            if (bit == null) {
                throw new StorageException(
                        Errno.EINVAL, "there is no feature \"" + name + "\" here, of " + FEATURES.keySet());
            }
            bits |= bit;
        }
        return bits;
    }
}
