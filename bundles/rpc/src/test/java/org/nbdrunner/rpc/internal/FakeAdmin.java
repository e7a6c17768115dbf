package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.zip.CRC32;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.api.handler.Errno;

/** Notes what it is asked, with the checksums of the files, and answers as it is told. */
final class FakeAdmin implements HandlerAdmin {
    final List<String> asked = new CopyOnWriteArrayList<>();
    volatile ControlException refusal;
    volatile CountDownLatch upgrade;

    static String sum(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return bytes.length + "/" + crc.getValue();
    }

    private void note(String what) throws ControlException {
        asked.add(what);
        if (refusal != null) {
            throw refusal;
        }
    }

    private static String sum(Path file) throws ControlException {
        try {
            return sum(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new ControlException(Errno.EIO, "cannot be read: " + e, e);
        }
    }

    @Override
    public String install(Path bundle) throws ControlException {
        note("install " + sum(bundle));
        return "rot13 1.0.0";
    }

    @Override
    public String upgrade(Path bundle) throws ControlException {
        note("upgrade " + sum(bundle));
        if (upgrade != null) {
            try {
                upgrade.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return "rot13 1.1.0";
    }

    @Override
    public String add(String feature) throws ControlException {
        note("add " + feature);
        return "file 1.1.0";
    }

    @Override
    public void remove(String handler, boolean force) throws ControlException {
        note("remove " + handler + " " + force);
    }
}
