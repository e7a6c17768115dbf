package org.nbdrunner.handler.ceph.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.kit.TestRequest;
import org.nbdrunner.kit.TestRequest.Extent;

/** What librbd tells of data becomes extents without gaps. */
final class ExtentsTest {

    @Test
    void gapsAreHoles() {
        TestRequest request = TestRequest.of(Command.BLOCK_STATUS, 1000, 9000, 0);
        Extents extents = new Extents(request, 10_000);
        assertEquals(0, extents.extent(2000, 500, 1, 0));
        assertEquals(0, extents.extent(2500, 500, 1, 0));
        assertEquals(0, extents.extent(4000, 1000, 0, 0));
        extents.finish();
        assertEquals(List.of(hole(1000), data(500), data(500), hole(1000), hole(1000), hole(5000)), request.extents());
    }

    @Test
    void wholeObjectsAreCutToTheRange() {
        TestRequest request = TestRequest.of(Command.BLOCK_STATUS, 1000, 9000, 0);
        Extents extents = new Extents(request, 10_000);
        extents.extent(0, 4096, 1, 0);
        extents.extent(8192, 4096, 1, 0);
        extents.finish();
        assertEquals(List.of(data(3096), hole(4096), data(1808)), request.extents());
    }

    @Test
    void nothingIsAHole() {
        TestRequest request = TestRequest.of(Command.BLOCK_STATUS, 0, 4096, 0);
        new Extents(request, 4096).finish();
        assertEquals(List.of(hole(4096)), request.extents());
    }

    @Test
    void oneIsEnoughWhenOneIsAskedFor() {
        TestRequest request = TestRequest.of(Command.BLOCK_STATUS, 0, 9000, TestRequest.ONE_EXTENT);
        Extents extents = new Extents(request, 9000);
        assertEquals(Extents.ENOUGH, extents.extent(1000, 1000, 1, 0));
        extents.finish();
        assertEquals(List.of(hole(1000)), request.extents());
    }

    private static Extent hole(long length) {
        return new Extent(length, true, true);
    }

    private static Extent data(long length) {
        return new Extent(length, false, false);
    }
}
