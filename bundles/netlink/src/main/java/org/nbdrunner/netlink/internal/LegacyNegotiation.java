package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * What client and runner say on a fresh connection before NBD's transmission phase begins there: the client its cfgstring, the runner
 * whether it serves that. Size and flags were agreed in the control protocol.
 *
 * <pre>
 * client:  u32 length   cfgstring, not terminated
 * runner:  s32 status   s32 length   text, not terminated
 * </pre>
 *
 * Numbers are in the client's byte order. The status is 0 or a negative error number.
 */
final class LegacyNegotiation {
    /** The longest cfgstring in bytes. */
    static final int MAX_CFGSTRING = 1024;

    /** The longest text in bytes that is taken from a runner. */
    static final int MAX_TEXT = 65536;

    private LegacyNegotiation() {}

    /**
     * Negotiates. When it returns, the next byte either way belongs to the transmission phase.
     *
     * @param stream the connection
     * @param peer what the runner is called in messages
     * @param cfgstring what to ask for
     * @param deadline when to give up
     * @throws IOException if the runner refuses, does not answer in time, or answers something else
     */
    static void run(ByteStream stream, String peer, String cfgstring, Deadline deadline) throws IOException {
        byte[] name = cfgstring.getBytes(StandardCharsets.UTF_8);
        if (name.length == 0 || name.length > MAX_CFGSTRING) {
            throw new StorageException(
                    Errno.ENAMETOOLONG,
                    "a backstore's name has 1 to " + MAX_CFGSTRING + " bytes, this one has " + name.length);
        }
        stream.write(buffer(4 + name.length).putInt(name.length).put(name).flip(), deadline);

        ByteBuffer head = buffer(8);
        stream.readFully(head, deadline);
        int status = head.getInt(0);
        int length = head.getInt(4);
        if (status > 0 || length < 0 || length > MAX_TEXT) {
            throw new StorageException(
                    Errno.EIO, "what answers at " + peer + " is not a runner's I/O port: check host and port");
        }
        ByteBuffer text = buffer(length);
        stream.readFully(text, deadline);
        if (status < 0) {
            String words = StandardCharsets.UTF_8.decode(text.flip()).toString().strip();
            Errno errno = Errno.of(status);
            throw new StorageException(
                    errno, words.isEmpty() ? peer + " does not serve " + cfgstring + " (" + errno + ")" : words);
        }
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    }
}
