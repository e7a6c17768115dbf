package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Objects;

/** Bytes seen between clients and servers of the legacy protocol, from resources. */
final class Vectors {
    private Vectors() {}

    /** Reads one; lines that begin with # are comments. */
    static byte[] get(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(Vectors.class.getResourceAsStream("vectors/" + name + ".hex"), name)) {
            String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            return HexFormat.of().parseHex(text.replaceAll("(?m)^#.*$", "").replaceAll("\\s", ""));
        }
    }
}
