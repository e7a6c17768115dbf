package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** Numbers become words. */
final class FailuresTest {

    @ParameterizedTest
    @CsvSource({
        "-2, ENOENT, does not exist",
        "-1, EPERM, client.joe is not allowed",
        "-13, EACCES, client.joe is not allowed",
        "-16, EBUSY, another client",
        "-17, EEXIST, exists already",
        "-30, EROFS, exclusive lock",
        "-39, ENOTEMPTY, snapshots",
        "-108, ESHUTDOWN, shut this client out",
        "-110, ETIMEDOUT, does not answer",
        "-84, EIO, error 84"
    })
    void eachNumberHasItsWords(int result, Errno errno, String words) {
        StorageException e =
                assertThrows(StorageException.class, () -> Failures.check(result, "open p/i", "client.joe"));
        assertEquals(errno, e.errno());
        assertTrue(e.getMessage().startsWith("cannot open p/i: "), e.getMessage());
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }

    @Test
    void successIsNone() {
        assertDoesNotThrow(() -> Failures.check(0, "open p/i", "client.joe"));
        assertDoesNotThrow(() -> Failures.check(4096, "read p/i", "client.joe"));
    }

    @Test
    void aMissingLibraryIsNamedWithItsPackage() {
        StorageException e =
                assertThrows(StorageException.class, () -> Libraries.load("librados-missing.so.9", "librbd.so.1"));
        assertEquals(Errno.ENOTSUP, e.errno());
        assertTrue(e.getMessage().contains("librados-missing.so.9"), e.getMessage());
        assertTrue(e.getMessage().contains("librbd1"), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
}
