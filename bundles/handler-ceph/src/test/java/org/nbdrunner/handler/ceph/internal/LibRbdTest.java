package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.lang.reflect.Method;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What jnr-ffi cannot call is not declared. */
class LibRbdTest {
    private static final int GARBLED = 6;

    @Test
    void noFunctionHasTheNumberOfParametersOfWhichTheLastIsGarbled() {
        for (Class<?> library : List.of(LibRbd.class, LibRados.class, LibC.class)) {
            for (Method function : library.getDeclaredMethods()) {
                assertNotEquals(GARBLED, function.getParameterCount(), function::toString);
            }
        }
    }
}
