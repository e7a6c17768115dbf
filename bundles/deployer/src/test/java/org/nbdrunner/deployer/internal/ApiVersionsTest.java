package org.nbdrunner.deployer.internal;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.Version;

class ApiVersionsTest {
    private static final Version OFFERED = new Version("1.3.0");

    private static void check(String imports) {
        ApiVersions.check(Map.of("Import-Package", imports), OFFERED);
    }

    private static String refusal(String imports) {
        return assertThrows(IllegalArgumentException.class, () -> check(imports))
                .getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "org.nbdrunner.api.handler;version=\"[1.0,2)\"",
                "org.nbdrunner.api.handler;version=\"[1.3,1.4)\"",
                "org.nbdrunner.api.handler;version=1.1",
                "org.nbdrunner.api.handler;version=\"1.1\"",
                "org.nbdrunner.api.handler ; resolution:=mandatory ; version = \"[1.0,2)\"",
                "org.nbdrunner.api.handler",
                "a;version=\"[4,5)\",org.nbdrunner.api.handler;version=\"[1.0,2)\",b;version=\"[4,5)\"",
                "a;x=\"1,2;version=9\", org.nbdrunner.api.handler;version=\"[1.0,2)\"",
                "org.nbdrunner.api.handler.more;version=\"[4,5)\",org.nbdrunner.api.handler;version=\"[1.0,2)\"",
            })
    void whatGoesTogetherIsTaken(String imports) {
        assertDoesNotThrow(() -> check(imports));
    }

    @Test
    void anOlderNbdRunnerIsToBeUpgraded() {
        assertEquals(
                "it wants version [2.0.0,3.0.0) of org.nbdrunner.api.handler, this nbd-runner offers 1.3.0:"
                        + " upgrade nbd-runner first, or take an older handler",
                refusal("org.nbdrunner.api.handler;version=\"[2.0,3)\""));
        assertEquals(
                "it wants version [1.4.0,2.0.0) of org.nbdrunner.api.handler, this nbd-runner offers 1.3.0:"
                        + " upgrade nbd-runner first, or take an older handler",
                refusal("a;version=\"[1,2)\",org.nbdrunner.api.handler;version=\"[1.4,2)\",b"));
        assertEquals(
                "it wants version 1.4.0 of org.nbdrunner.api.handler, this nbd-runner offers 1.3.0:"
                        + " upgrade nbd-runner first, or take an older handler",
                refusal("org.nbdrunner.api.handler;version=1.4"));
    }

    @Test
    void anOlderHandlerIsToBeReplaced() {
        assertEquals(
                "it wants version [0.9.0,1.0.0) of org.nbdrunner.api.handler, this nbd-runner offers 1.3.0:"
                        + " take a newer handler",
                refusal("org.nbdrunner.api.handler;version=\"[0.9,1)\""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "org.osgi.framework;version=\"[1.10,2)\"",
                "org.nbdrunner.api.handler.more;version=\"[1.0,2)\"",
                "my.org.nbdrunner.api.handler;version=\"[1.0,2)\"",
                "orgXnbdrunner.api.handler;version=\"[1.0,2)\"",
            })
    void whatDoesNotImportTheApiIsNoHandler(String imports) {
        assertEquals("it is no handler: it does not import org.nbdrunner.api.handler", refusal(imports));
    }

    @Test
    void nonsenseIsRefusedAsSuch() {
        assertThrows(IllegalArgumentException.class, () -> check("org.nbdrunner.api.handler;version=\"[one,two)\""));
        assertThrows(IllegalArgumentException.class, () -> ApiVersions.check(Map.of(), OFFERED));
    }
}
