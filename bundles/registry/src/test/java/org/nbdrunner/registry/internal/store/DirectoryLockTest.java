package org.nbdrunner.registry.internal.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nbdrunner.registry.internal.ChildJvm;

class DirectoryLockTest {
    @TempDir
    Path directory;

    /** Run in another process: takes the lock and says what came of it. */
    public static void main(String[] args) {
        try {
            DirectoryLock.take(Path.of(args[0])).close();
            System.out.println("taken");
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }

    private String otherProcess() throws Exception {
        Process child = ChildJvm.start(DirectoryLockTest.class, directory.toString());
        String said = child.inputReader().readLine();
        child.waitFor();
        return said;
    }

    @Test
    void oneInstanceOfThisProcess() throws IOException {
        DirectoryLock lock = DirectoryLock.take(directory);
        IOException e = assertThrows(IOException.class, () -> DirectoryLock.take(directory));
        assertTrue(e.getMessage().contains(directory.toString()), e.getMessage());
        Path link = Files.createSymbolicLink(directory.resolve("link"), directory);
        assertThrows(IOException.class, () -> DirectoryLock.take(link), "the same directory by another name");
        lock.close();
        DirectoryLock.take(directory).close();
    }

    @Test
    void oneInstanceOfAllProcesses() throws Exception {
        DirectoryLock lock = DirectoryLock.take(directory);
        // A refused attempt in this process must not give up what the process holds.
        assertThrows(IOException.class, () -> DirectoryLock.take(directory));
        String said = otherProcess();
        assertTrue(said.contains(directory + " is in use"), said);
        assertTrue(said.contains("process " + ProcessHandle.current().pid()), said);
        lock.close();
        assertEquals("taken", otherProcess());
    }

    @Test
    void aLockThatCannotBeTakenIsNotHeld() throws IOException {
        Path file = Files.createDirectory(directory.resolve("saveconfig.lock"));
        IOException e = assertThrows(IOException.class, () -> DirectoryLock.take(directory));
        assertTrue(e.getMessage().contains("lock file"), e.getMessage());
        Files.delete(file);
        DirectoryLock.take(directory).close();
    }
}
