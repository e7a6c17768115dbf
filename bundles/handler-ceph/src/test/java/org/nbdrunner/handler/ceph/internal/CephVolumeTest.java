package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.kit.TestRequest;

/** What librbd is asked for, and what becomes of its answers. */
class CephVolumeTest {
    private static final byte[] BLOCK = new byte[4096];

    private final FakeCeph ceph = new FakeCeph();
    private final Libraries libraries = ceph.libraries();
    private final Opener opener = new Opener(libraries, new Clusters(libraries), new Hanging(), false);

    private CephVolume open() throws IOException {
        OpenImage image = opener.open(
                new ClusterName("", "admin", "", "ceph"), ImageName.parse("rbd/a"), false, Duration.ofSeconds(60));
        return CephVolume.of(libraries, image, opener::flushes);
    }

    @Test
    void onlyFuaGoesPastTheCache() throws Exception {
        CephVolume volume = open();
        TestRequest.write(0, BLOCK, 0).run(volume);
        TestRequest.write(0, BLOCK, TestRequest.FUA).run(volume);
        TestRequest.of(Command.WRITE_ZEROES, 0, BLOCK.length, TestRequest.NO_HOLE)
                .run(volume);
        TestRequest.of(Command.WRITE_ZEROES, 0, BLOCK.length, TestRequest.FUA).run(volume);
        TestRequest.of(Command.TRIM, 0, BLOCK.length, TestRequest.FUA).run(volume);
        TestRequest.read(0, BLOCK.length).run(volume);
        volume.close();
        assertEquals(
                List.of(
                        "write",
                        "write " + LibRbd.OP_FLAG_FUA,
                        "write zeroes " + LibRbd.WRITE_ZEROES_THICK + " 0",
                        "write zeroes 0 0",
                        "flush",
                        "discard",
                        "flush",
                        "read"),
                ceph.calls());
    }

    @Test
    void anImageWhoseClientsFlushIsFlushedWhenItIsOpenedAgain() throws Exception {
        CephVolume first = open();
        TestRequest.write(0, BLOCK, 0).run(first);
        TestRequest.of(Command.FLUSH, 0, 0, 0).run(first);
        TestRequest.write(0, BLOCK, 0).run(first);
        first.close();
        assertEquals(List.of("write", "flush", "write"), ceph.calls());
        open().close();
        assertEquals(List.of("write", "flush", "write", "flush"), ceph.calls());
    }

    @Test
    void theFlushBeforeTheCloseIsNoClients() throws Exception {
        CephVolume first = open();
        TestRequest.write(0, BLOCK, 0).run(first);
        TestRequest.of(Command.FLUSH, 0, 0, 0).run(first);
        first.close();
        open().close();
        assertEquals(List.of("write", "flush"), ceph.calls());
    }

    @Test
    void anImageIsLostWithTheFirstRequestThatSaysSo() throws Exception {
        CephVolume volume = open();
        ceph.failWith(Errno.ENOENT.number());
        assertThrows(
                StorageException.class, () -> TestRequest.read(0, BLOCK.length).run(volume));
        ceph.failWith(0);
        StorageException lost = assertThrows(
                StorageException.class, () -> TestRequest.read(0, BLOCK.length).run(volume));
        assertEquals(Errno.ENODEV, lost.errno());
        assertEquals("rbd/a is lost: it has been deleted by another client", lost.getMessage());
        volume.close();
    }
}
