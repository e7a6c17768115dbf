package org.nbdrunner.netlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The bytes are those between the C project's client and server on a little-endian machine. */
class LegacyNegotiationTest {
    private static final String UNKNOWN =
            "eaffffff 1e000000 4e6f20737563682064657669636520666f756e643a20766f6c302f78797a";

    private static final class Peer implements ByteStream {
        private final ByteBuffer answer;
        private String written = "";

        Peer(String answer) {
            this.answer = Golden.bytes(answer);
        }

        @Override
        public void write(ByteBuffer bytes, Deadline deadline) {
            written += Golden.hex(bytes);
        }

        @Override
        public void readFully(ByteBuffer bytes, Deadline deadline) throws IOException {
            if (answer.remaining() < bytes.remaining()) {
                throw new EOFException();
            }
            bytes.put(answer.slice(answer.position(), bytes.remaining()));
            answer.position(answer.position() + bytes.position());
        }

        void negotiate(String cfgstring) throws IOException {
            LegacyNegotiation.run(this, "host:24111", cfgstring, Deadline.in(Duration.ofSeconds(1)));
        }
    }

    @Test
    void asksAndIsServed() throws IOException {
        Peer peer = new Peer("00000000 00000000 99");
        peer.negotiate("vol0/pre");
        assertEquals("08000000766f6c302f707265", peer.written);
        assertEquals(1, peer.answer.remaining(), "what follows belongs to the transmission phase");
    }

    @Test
    void passesOverTheTextOfSuccess() throws IOException {
        Peer peer = new Peer("00000000 02000000 6f6b 99");
        peer.negotiate("vol0/pre");
        assertEquals(1, peer.answer.remaining());
    }

    @Test
    void countsBytesNotCharacters() throws IOException {
        Peer peer = new Peer("00000000 00000000");
        peer.negotiate("é");
        assertEquals("02000000c3a9", peer.written);
    }

    @Test
    void repeatsTheRunnersWords() {
        StorageException e = assertThrows(StorageException.class, () -> new Peer(UNKNOWN).negotiate("vol0/xyz"));
        assertEquals(Errno.EINVAL, e.errno());
        assertEquals("No such device found: vol0/xyz", e.getMessage());
    }

    @Test
    void findsWordsWhereTheRunnerHasNone() {
        Peer peer = new Peer("f0ffffff 00000000");
        StorageException e = assertThrows(StorageException.class, () -> peer.negotiate("a"));
        assertEquals("host:24111 does not serve a (EBUSY)", e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "a positive status, 01000000 00000000",
        "a negative length, 00000000 ffffffff",
        "a huge length, eaffffff ffffff7f",
        "one byte too many, eaffffff 01000100",
        "HTTP, 485454502f312e312034303020426164",
    })
    void refusesWhatIsNoRunner(String what, String answer) {
        StorageException e = assertThrows(StorageException.class, () -> new Peer(answer).negotiate("a"), what);
        assertEquals(Errno.EIO, e.errno());
        assertTrue(e.getMessage().contains("host:24111 is not a runner's I/O port"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "00", "00000000 000000", "eaffffff 1e000000 4e6f"})
    void refusesAnAnswerThatIsCutOff(String answer) {
        assertThrows(EOFException.class, () -> new Peer(answer).negotiate("a"));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1025})
    void refusesANameThatDoesNotFit(int length) {
        Peer peer = new Peer("00000000 00000000");
        StorageException e = assertThrows(StorageException.class, () -> peer.negotiate("x".repeat(length)));
        assertEquals(Errno.ENAMETOOLONG, e.errno());
        assertEquals("", peer.written);
    }
}
