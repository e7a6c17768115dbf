package org.nbdrunner.handler.ceph.internal;

import org.junit.jupiter.api.BeforeAll;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.itests.Ceph;
import org.nbdrunner.kit.HandlerContract;

/** The contract of handlers, on a real cluster. */
public class CephContractIT extends HandlerContract {
    private static CephHandler handler;

    @BeforeAll
    static void start() throws Exception {
        Ceph.start();
        handler = new CephHandler(Libraries.load(), new ClusterName(Ceph.conf(), "admin", "", "ceph"), 30, false);
    }

    @Override
    protected Handler handler() {
        return handler;
    }

    @Override
    protected String name(String suffix) {
        return "rbd/" + super.name(suffix);
    }
}
