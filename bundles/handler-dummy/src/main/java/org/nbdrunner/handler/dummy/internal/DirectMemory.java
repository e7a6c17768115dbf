package org.nbdrunner.handler.dummy.internal;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;

/** The memory outside of the heap. */
final class DirectMemory {

    private DirectMemory() {}

    /** Bytes that buffers outside of the heap may take together: the option, or as much as the heap where it is not given. */
    static long maximum() {
        HotSpotDiagnosticMXBean bean = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        long option = bean == null
                ? 0
                : Long.parseLong(bean.getVMOption("MaxDirectMemorySize").getValue());
        return option > 0 ? option : Runtime.getRuntime().maxMemory();
    }
}
