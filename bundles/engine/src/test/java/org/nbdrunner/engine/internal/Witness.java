package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** A client that behaves, while others do not: what it writes to its part of a disk is there when it reads. */
final class Witness {
    private static final int BLOCK = 512;
    private static final int BLOCKS = 256;

    /** Bytes at the start of a disk that belong to a witness. */
    static final int REGION = BLOCK * BLOCKS;

    private final RawClient client;
    private final byte[] model = new byte[REGION];
    private final Random random = new Random(7);

    /** Works over a connection in its transmission phase, on a disk that is empty and that others leave alone where it works. */
    Witness(RawClient client) {
        this.client = client;
    }

    RawClient client() {
        return client;
    }

    /** Writes something, and reads it and something older. */
    void work() throws IOException {
        byte[] data = new byte[BLOCK];
        random.nextBytes(data);
        int at = BLOCK * random.nextInt(BLOCKS);
        assertEquals(0, client.write(0, at, data).error(), "a write of who behaves");
        System.arraycopy(data, 0, model, at, BLOCK);
        expect(at);
        expect(BLOCK * random.nextInt(BLOCKS));
    }

    private void expect(int at) throws IOException {
        Reply reply = client.read(at, BLOCK);
        assertEquals(0, reply.error(), "a read of who behaves");
        assertArrayEquals(Arrays.copyOfRange(model, at, at + BLOCK), reply.data(), "data of who behaves");
    }
}
