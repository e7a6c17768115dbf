package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
    @TempDir
    private Path directory;

    @Test
    void holdsTheProcessIdAndCanBeTakenAgain() throws Exception {
        for (int i = 0; i < 2; i++) {
            DataDirectory data = DataDirectory.lock(directory);
            assertEquals(ProcessHandle.current().pid() + "\n", Files.readString(directory.resolve("nbd-runner.lock")));
            data.close();
        }
    }

    @Test
    void mustExist() {
        Path missing = directory.resolve("missing");
        assertEquals(
                "the data directory " + missing + " is missing: make it, or set NBD_RUNNER_DATA to one that exists",
                assertThrows(StartException.class, () -> DataDirectory.lock(missing))
                        .getMessage());
    }

    @Test
    void lockMustBeWritable() throws Exception {
        Files.createDirectory(directory.resolve("nbd-runner.lock"));
        String message = assertThrows(StartException.class, () -> DataDirectory.lock(directory))
                .getMessage();
        assertTrue(message.startsWith("cannot write to the data directory " + directory + ": "), message);
    }
}
