package org.nbdrunner.rpc.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.ProgressListener;

/** Notes what it is asked and answers as it is told. */
final class FakeControl implements Control {
    final List<String> asked = new CopyOnWriteArrayList<>();
    volatile ControlException refusal;
    volatile Premapped premapped = new Premapped("", "127.0.0.1", 24111, 67108864, 4096, 0x16d, 4);
    volatile String device = "/dev/nbd7";
    volatile List<BackstoreInfo> backstores = new ArrayList<>();
    volatile CountDownLatch creation;
    volatile List<HandlerInfo> handlers =
            List.of(new HandlerInfo("dummy", 1000, 2), new HandlerInfo("other", 12345, 0));

    private void note(String what) throws ControlException {
        asked.add(what);
        if (refusal != null) {
            throw refusal;
        }
    }

    @Override
    public void create(String handler, String cfg, long size, boolean preallocate, ProgressListener progress)
            throws ControlException {
        note("create " + handler + " " + cfg + " " + size + " " + preallocate);
        if (creation != null) {
            progress.progress(1, 2);
            try {
                creation.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void delete(String handler, String cfg) throws ControlException {
        note("delete " + handler + " " + cfg);
    }

    @Override
    public String resize(String handler, String cfg, long size, boolean force) throws ControlException {
        note("resize " + handler + " " + cfg + " " + size + " " + force);
        return device;
    }

    @Override
    public Premapped premap(String handler, String cfg, boolean readOnly, int timeout) throws ControlException {
        note("premap " + handler + " " + cfg + " " + readOnly + " " + timeout);
        return premapped;
    }

    @Override
    public void postmap(String handler, String cfg, String nbd, String time) throws ControlException {
        note("postmap " + handler + " " + cfg + " [" + nbd + "] [" + time + "]");
    }

    @Override
    public String unmap(String handler, String cfg, String nbd) throws ControlException {
        note("unmap " + handler + " [" + cfg + "] [" + nbd + "]");
        return device;
    }

    @Override
    public List<BackstoreInfo> list(String handler) throws ControlException {
        note("list [" + handler + "]");
        return backstores;
    }

    @Override
    public List<HandlerInfo> handlers() {
        return handlers;
    }
}
