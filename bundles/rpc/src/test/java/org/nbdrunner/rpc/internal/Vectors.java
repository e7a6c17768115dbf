package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Bytes of the C project's programs; comments begin with a number sign. */
final class Vectors {
    private Vectors() {}

    static byte[] read(String name) throws IOException {
        try (InputStream in = Vectors.class.getResourceAsStream("/vectors/" + name + ".hex")) {
            StringBuilder hex = new StringBuilder();
            new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(l -> !l.startsWith("#"))
                    .forEach(l -> hex.append(l.strip()));
            return HexFormat.of().parseHex(hex);
        }
    }
}
