package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;

/** What clients send takes a bounded place, and leaves nothing behind. */
class UploadsTest {
    @TempDir
    private Path temporary;

    private Path directory;
    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5); // it may overflow
    private Uploads uploads;

    @BeforeEach
    void begin() {
        directory = temporary.resolve("uploads");
        uploads = new Uploads(directory, clock::get);
    }

    private long files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.count();
        }
    }

    private static void refused(Errno errno, Executable call) {
        assertEquals(errno, assertThrows(ControlException.class, call).errno());
    }

    @Test
    void keepsWhatIsSentInOrder() throws Exception {
        try (Uploads.Upload upload = uploads.begin(5)) {
            upload.append(0, new byte[] {1, 2, 3});
            refused(Errno.EINVAL, upload::complete);
            upload.append(3, new byte[] {4, 5});
            assertArrayEquals(new byte[] {1, 2, 3, 4, 5}, Files.readAllBytes(upload.complete()));
        }
        assertEquals(0, files());
    }

    @Test
    void refusesWhatIsNotDue() throws Exception {
        try (Uploads.Upload upload = uploads.begin(5)) {
            for (long offset : new long[] {1, -1, 5, Long.MAX_VALUE, Long.MIN_VALUE}) {
                refused(Errno.EINVAL, () -> upload.append(offset, new byte[1]));
            }
            refused(Errno.EINVAL, () -> upload.append(0, new byte[0]));
            refused(Errno.EFBIG, () -> upload.append(0, new byte[6]));
            upload.append(0, new byte[5]);
            refused(Errno.EINVAL, () -> upload.append(0, new byte[5]));
            refused(Errno.EFBIG, () -> upload.append(5, new byte[1]));
            assertEquals(5, Files.size(upload.complete()));
        }
    }

    @Test
    void refusesSizesThatNoBundleHas() throws Exception {
        refused(Errno.EINVAL, () -> uploads.begin(0));
        refused(Errno.EINVAL, () -> uploads.begin(Long.MIN_VALUE));
        refused(Errno.EFBIG, () -> uploads.begin(Program.FILE + 1));
        refused(Errno.EFBIG, () -> uploads.begin(Long.MAX_VALUE));
        uploads.begin(Program.FILE).close();
    }

    @Test
    void keepsABoundedNumber() throws Exception {
        List<Uploads.Upload> open = new ArrayList<>();
        for (int i = 0; i < Uploads.AT_ONCE; i++) {
            open.add(uploads.begin(1));
        }
        refused(Errno.EBUSY, () -> uploads.begin(1));
        assertEquals(Uploads.AT_ONCE, files());
        open.remove(0).close();
        open.add(uploads.begin(1));
        refused(Errno.EBUSY, () -> uploads.begin(1));
        open.forEach(Uploads.Upload::close);
        assertEquals(0, files());
    }

    @Test
    void takesThePlaceOfWhoIsSilent() throws Exception {
        Uploads.Upload installing = uploads.begin(1);
        installing.append(0, new byte[1]);
        installing.complete();
        Uploads.Upload silent = uploads.begin(2);
        Uploads.Upload sending = uploads.begin(2);
        for (int i = 3; i < Uploads.AT_ONCE; i++) {
            clock.incrementAndGet();
            uploads.begin(1);
        }
        clock.addAndGet(Uploads.PATIENCE_NANOS - Uploads.AT_ONCE);
        refused(Errno.EBUSY, () -> uploads.begin(1));
        sending.append(0, new byte[1]);
        clock.addAndGet(3);
        uploads.begin(1);
        assertEquals(Uploads.AT_ONCE, files());
        refused(Errno.ETIMEDOUT, () -> silent.append(0, new byte[1]));
        refused(Errno.ETIMEDOUT, silent::complete);
        silent.close();
        sending.append(1, new byte[1]);
        sending.complete();
        assertEquals(1, Files.size(installing.complete()));
        assertEquals(Uploads.AT_ONCE, files());
    }

    @Test
    void deletesWhatACrashHasLeft() throws Exception {
        uploads.begin(1).append(0, new byte[1]);
        assertEquals(1, files());
        assertEquals(5, new Uploads(directory).begin(5).size());
        assertEquals(1, files());
    }

    @Test
    void saysThatThereIsNoPlace() throws Exception {
        Files.createFile(directory);
        ControlException e = assertThrows(ControlException.class, () -> uploads.begin(1));
        assertEquals("the runner cannot keep the file", e.getMessage().split(":", 2)[0]);
    }
}
