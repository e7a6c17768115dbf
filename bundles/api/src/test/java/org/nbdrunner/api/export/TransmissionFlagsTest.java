package org.nbdrunner.api.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.VolumeInfo;

class TransmissionFlagsTest {

    /** The numbers are the protocol's. */
    @Test
    void eachCapabilityHasItsFlag() {
        assertEquals(1, with());
        assertEquals(1 | 4, with(Capability.FLUSH));
        assertEquals(1 | 8, with(Capability.FUA));
        assertEquals(1 | 16, with(Capability.ROTATIONAL));
        assertEquals(1 | 32, with(Capability.TRIM));
        assertEquals(1 | 64, with(Capability.WRITE_ZEROES));
        assertEquals(1 | 256, with(Capability.MULTI_CONN));
        assertEquals(1 | 1024, with(Capability.CACHE));
        assertEquals(1 | 64 | 2048, with(Capability.WRITE_ZEROES, Capability.FAST_ZERO));
        assertEquals(1, with(Capability.BLOCK_STATUS));
    }

    @Test
    void readOnlyOffersNoChange() {
        VolumeInfo info =
                VolumeInfo.builder(512).readOnly(true).with(Capability.values()).build();
        assertEquals(1 | 2 | 4 | 16 | 256 | 1024, TransmissionFlags.of(info));
    }

    private static int with(Capability... capabilities) {
        return TransmissionFlags.of(VolumeInfo.builder(512).with(capabilities).build());
    }
}
