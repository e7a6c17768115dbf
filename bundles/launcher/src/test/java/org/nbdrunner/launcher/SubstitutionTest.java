package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SubstitutionTest {
    private final Substitution substitution = new Substitution(Map.of("a", "1", "b", "${a}", "empty", ""));

    @ParameterizedTest
    @CsvSource({
        "plain, plain",
        "${a}, 1",
        "x${a}y${a}z, x1y1z",
        "${unknown}x, x",
        "${unknown:-2}, 2",
        "${empty:-2}, 2",
        "${a:-2}, 1",
        "${unknown:-${a}}, 1",
        "${unknown:-${other:-3}}, 3",
        "${unknown:-::1}, ::1",
        "${b}, ${a}",
        "a}b${a}, a}b1",
        "}}${a}, }}1",
        "${a, ${a",
        "$a{}, $a{}"
    })
    void replaces(String text, String expected) {
        assertEquals(expected, substitution.apply(text));
    }

    @Test
    void fallsBackToTheSystemAndTheEnvironment() {
        assertEquals(System.getProperty("java.version"), substitution.apply("${java.version}"));
        assertEquals(System.getenv("PATH"), substitution.apply("${env:PATH}"));
    }
}
