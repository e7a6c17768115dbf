package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** What keys and options name. */
final class ImageNameTest {

    @Test
    void keysNamePoolNamespaceImageAndSnapshot() throws StorageException {
        assertEquals(new ImageName("p", "", "i", null), ImageName.parse("p/i"));
        assertEquals(new ImageName("p", "n", "i", null), ImageName.parse("p/n/i"));
        assertEquals(new ImageName("p", "n", "i", "s"), ImageName.parse("p/n/i@s"));
        assertEquals("p/n/i@s", ImageName.parse("p/n/i@s").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"i", "/i", "p/", "p//i", "p/n/i/x", "p/i@", "p/i@a@b", "p/i@a/b", "@", "p/@s"})
    void otherKeysAreRefused(String key) {
        StorageException e = assertThrows(StorageException.class, () -> ImageName.parse(key));
        assertEquals(Errno.EINVAL, e.errno());
    }

    @Test
    void snapshotsAreNeitherCreatedNorDeleted() throws StorageException {
        ImageName snapshot = ImageName.parse("p/i@s");
        assertEquals(
                Errno.EINVAL,
                assertThrows(StorageException.class, () -> snapshot.whole("create"))
                        .errno());
        assertEquals("p/i", ImageName.parse("p/i").whole("create").toString());
    }

    @Test
    void optionsGoBeforeTheConfiguration() throws StorageException {
        ClusterName configured = new ClusterName("/c", "admin", "/k", "ceph");
        assertEquals(configured, configured.with(Cfgstring.parse("p/i;objsize=4M")));
        assertEquals(
                new ClusterName("/other", "joe", "/key", "east"),
                configured.with(Cfgstring.parse("p/i;conf=/other;id=joe;keyring=/key;cluster=east")));
    }

    @Test
    void newImagesHaveTheUsualFormat() throws StorageException {
        assertEquals(new ImageFormat(22, 61), ImageFormat.of(Cfgstring.parse("p/i")));
        assertEquals(new ImageFormat(16, 5), ImageFormat.of(Cfgstring.parse("p/i;objsize=64k;features=layering")));
        assertEquals(25, ImageFormat.of(Cfgstring.parse("p/i;objsize=32M")).order());
        assertEquals(12, ImageFormat.of(Cfgstring.parse("p/i;objsize=4096")).order());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "objsize=3M",
                "objsize=64M",
                "objsize=2K",
                "objsize=",
                "objsize=M",
                "objsize=-4M",
                "objsize=99999999999999999999",
                "features=journaling",
                "features="
            })
    void otherFormatsAreRefused(String option) throws StorageException {
        Cfgstring cfg = Cfgstring.parse("p/i;" + option);
        assertEquals(
                Errno.EINVAL,
                assertThrows(StorageException.class, () -> ImageFormat.of(cfg)).errno());
    }
}
