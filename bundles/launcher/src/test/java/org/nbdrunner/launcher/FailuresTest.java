package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.framework.BundleException;

class FailuresTest {

    static Stream<Arguments> failures() {
        IOException inUse = new IOException("port 1 is in use: set another", new IOException("Address already in use"));
        return Stream.of(
                Arguments.of(inUse, "port 1 is in use: set another"),
                Arguments.of(new InvocationTargetException(inUse), "port 1 is in use: set another"),
                Arguments.of(new BundleException("wrapped", inUse), "port 1 is in use: set another"),
                Arguments.of(new BundleException("missing requirement x"), "missing requirement x"),
                Arguments.of(new IllegalStateException("first line\nsecond"), "first line"),
                Arguments.of(new NullPointerException("x is null"), "java.lang.NullPointerException: x is null"),
                Arguments.of(new IllegalStateException(), "java.lang.IllegalStateException"),
                Arguments.of(new NoSuchFileException("/x"), "/x does not exist"),
                Arguments.of(new AccessDeniedException("/x"), "permission denied for /x"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void oneLine(Throwable failure, String line) {
        assertEquals(line, Failures.line(failure));
    }
}
