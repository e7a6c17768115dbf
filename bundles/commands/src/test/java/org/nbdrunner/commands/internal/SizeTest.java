package org.nbdrunner.commands.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SizeTest {

    @ParameterizedTest
    @CsvSource({
        "512, 512",
        "512B, 512",
        "1K, 1024",
        "1k, 1024",
        "1KiB, 1024",
        "1KB, 1024",
        "1Kib, 1024",
        "3M, 3145728",
        "2MiB, 2097152",
        "1.5G, 1610612736",
        "0.5K, 512",
        "1.0G, 1073741824",
        "1T, 1099511627776",
        "2P, 2251799813685248",
        "7E, 8070450532247928832",
        "7.5EiB, 8646911284551352320",
        "9223372036854775296, 9223372036854775296",
        "0000000512, 512",
        "0.0009765625M, 1024"
    })
    void readsWhatFits(String text, long bytes) {
        assertEquals(bytes, Size.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"8E", "16E", "1Z", "1Y", "0.5Z", "1ZiB", "9223372036854775808"})
    void refusesWhatTakesMoreThan63Bits(String text) {
        assertEquals("size " + text + " is too large: less than 8E is possible", reason(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "G", "B", "iB", ".", "1.", ".5G", "-1", "-1G", "+1G", "1e3", "1E3", "1 G", " 1G", "1G ", "1,5G",
                "1..5G", "1.5.0G", "0x200", "1X", "1Gb/s", "abc", "١K", "1GG", "1\u212a", "512iB", "512BB", "512BiB",
                "1KBB", "1KBiB", "1KiBB", "1Ki"
            })
    void refusesWhatIsNoSize(String text) {
        assertEquals("size " + text + " is no size: write a number with B, K, M, G, T, P or E, as 1.5G", reason(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.3B", "1.3K", "0.1G"})
    void refusesFractionsOfBytes(String text) {
        assertEquals("size " + text + " is no whole number of bytes", reason(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "0G", "0.0"})
    void refusesNothing(String text) {
        assertEquals("size " + text + " is empty: at least 512 bytes are needed", reason(text));
    }

    @ParameterizedTest
    @CsvSource({
        "1000, 512 and 1024",
        "513, 512 and 1024",
        "1023, 512 and 1024",
        "768, 512 and 1024",
        "9223372036854775295, 9223372036854774784 and 9223372036854775296",
        "1.1015625K, 1024 and 1536"
    })
    void namesTheNearestMultiplesOfASector(String text, String nearest) {
        assertEquals("size " + text + " is no multiple of 512: the nearest are " + nearest, reason(text));
    }

    private static String reason(String text) {
        return assertThrows(IllegalArgumentException.class, () -> Size.parse(text))
                .getMessage();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0B",
        "512, 512B",
        "1024, 1K",
        "1536, 1536B",
        "1610612736, 1536M",
        "1073741824, 1G",
        "1152921504606846976, 1E"
    })
    void showsExactlyWhatItIs(long bytes, String text) {
        assertEquals(text, Size.show(bytes));
    }

    @Test
    void whatIsShownCanBeRead() {
        for (long bytes = 512; bytes < Long.MAX_VALUE / 3; bytes *= 3) {
            assertEquals(bytes, Size.parse(Size.show(bytes)));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 512",
        "256, 512",
        "511, 512",
        "9223372036854775807, 9223372036854775296",
        "9223372036854775297, 9223372036854775296"
    })
    void namesTheOneThatIsNearestAtTheEnds(String text, String nearest) {
        assertEquals("size " + text + " is no multiple of 512: the nearest is " + nearest, reason(text));
    }
}
