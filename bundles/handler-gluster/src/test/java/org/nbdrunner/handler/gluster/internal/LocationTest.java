package org.nbdrunner.handler.gluster.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

class LocationTest {
    private static final List<Server> CONFIGURED = List.of(new Server("configured", 24007));

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            vol/disk                    | vol on configured:24007                | disk
            vol-1_a/some/where/disk     | vol-1_a on configured:24007            | some/where/disk
            vol@host/disk               | vol on host:24007                      | disk
            vol@10.0.0.1:1234,b/disk    | vol on 10.0.0.1:1234, b:24007          | disk
            vol@[fe80::1]:5,::1/a@b:c   | vol on [fe80::1]:5, [::1]:24007        | a@b:c
            """)
    void isTakenApart(String key, String store, String path) throws StorageException {
        Location at = Location.parse(key, CONFIGURED);
        assertEquals(store, at.store().toString());
        assertEquals(path, at.path());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vol",
                "/disk",
                "vol/",
                "vol//disk",
                "vol/disk/",
                "vol/../disk",
                "vol/./disk",
                "v l/disk",
                "vol@/disk",
                "vol@a:0/disk",
                "vol@a:99999/disk",
                "vol@a,,b/disk",
                "vol@a b/disk",
                "vol/\ud800"
            })
    void otherFormsAreRefused(String key) {
        StorageException e = assertThrows(StorageException.class, () -> Location.parse(key, CONFIGURED));
        assertEquals(Errno.EINVAL, e.errno());
    }

    @Test
    void parentsAreNamedFromTheTop() throws StorageException {
        assertEquals(
                List.of("a", "a/b"), Location.parse("vol/a/b/c", CONFIGURED).parents());
        assertEquals(List.of(), Location.parse("vol/c", CONFIGURED).parents());
    }
}
