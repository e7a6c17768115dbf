package org.nbdrunner.handler.file.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Command;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.nbdrunner.kit.HandlerContract;
import org.nbdrunner.kit.TestRequest;

/** On a small file system of its own that lives in memory. Mounting it needs root. */
class TmpfsTest extends HandlerContract {
    private static final long MIB = 1 << 20;

    @TempDir
    private Path directory;

    @BeforeEach
    void mount() throws Exception {
        run("mount", "-t", "tmpfs", "-o", "size=96m", "nbd-test", directory.toString());
    }

    @AfterEach
    void unmount() throws Exception {
        run("umount", "-l", directory.toString());
    }

    private static void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).inheritIO().start();
        assertTrue(p.waitFor(30, TimeUnit.SECONDS), String.join(" ", command) + " does not end");
        assertEquals(0, p.exitValue(), String.join(" ", command) + " (this test must run as root)");
    }

    @Override
    protected Handler handler() throws Exception {
        return new FileHandler(NativeSyscalls.load(), directory, 2);
    }

    @Test
    void whatDoesNotFitIsNotReserved() throws Exception {
        Handler handler = handler();
        StorageException e = assertThrows(
                StorageException.class,
                () -> handler.create(Cfgstring.parse("a/big"), 200 * MIB, true, ProgressListener.NONE));
        assertEquals(Errno.ENOSPC, e.errno());
        assertTrue(e.getMessage().contains(Long.toString(200 * MIB)), e.getMessage());
        assertTrue(e.getMessage().contains(Long.toString(96 * MIB)), e.getMessage());
        assertFalse(Files.exists(directory.resolve("a")), "the directory that was made for it is left");
    }

    @Test
    void aFullFileSystemFailsWritesAndNothingElse() throws Exception {
        Handler handler = handler();
        Cfgstring cfg = Cfgstring.parse("sparse");
        handler.create(cfg, 1L << 40, false, ProgressListener.NONE);
        try (Volume v = handler.open(cfg, OpenOptions.of(false, Duration.ofSeconds(30)))) {
            byte[] data = new byte[(int) MIB];
            StorageException e = assertThrows(StorageException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    TestRequest.write(i * MIB, data, 0).run(v);
                }
            });
            assertEquals(Errno.ENOSPC, e.errno());
            TestRequest.of(Command.TRIM, 0, 50 * MIB, 0).run(v);
            TestRequest.write(99 * MIB, data, 0).run(v);
        }
        handler.delete(cfg);
    }

    @Test
    void zeroesThatStayAllocatedAreNotFastHere() throws IOException, Exception {
        Handler handler = handler();
        Cfgstring cfg = Cfgstring.parse("z");
        handler.create(cfg, MIB, false, ProgressListener.NONE);
        try (Volume v = handler.open(cfg, OpenOptions.of(false, Duration.ofSeconds(30)))) {
            TestRequest r = TestRequest.of(Command.WRITE_ZEROES, 0, MIB, TestRequest.NO_HOLE | TestRequest.FAST_ZERO);
            assertEquals(
                    Errno.ENOTSUP,
                    assertThrows(StorageException.class, () -> r.run(v)).errno());
            TestRequest.of(Command.WRITE_ZEROES, 0, MIB, TestRequest.NO_HOLE).run(v);
            assertEquals(
                    MIB,
                    Files.getFileStore(directory).getTotalSpace()
                            - Files.getFileStore(directory).getUsableSpace());
        }
    }
}
