package org.nbdrunner.handler.file.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;

/** Which files a name reaches, and what is left where. */
class FileTreeTest {
    private static final OpenOptions WRITE = OpenOptions.of(false, Duration.ofSeconds(30));
    private static final long MIB = 1 << 20;
    private static final int AT_FDCWD = -100;
    private static final int RENAME_EXCHANGE = 2;

    @TempDir
    private Path top;

    private Path root;
    private Path outside;
    private Syscalls syscalls;
    private FileHandler handler;

    @BeforeEach
    void prepare() throws IOException {
        root = Files.createDirectory(top.resolve("root"));
        outside = Files.createDirectory(top.resolve("outside"));
        Files.write(outside.resolve("victim"), new byte[4096]);
        syscalls = NativeSyscalls.load();
        handler = new FileHandler(syscalls, root, 2);
    }

    private void create(String key) throws IOException {
        handler.create(Cfgstring.parse(key), MIB, false, ProgressListener.NONE);
    }

    private Volume open(String key) throws IOException {
        return handler.open(Cfgstring.parse(key), WRITE);
    }

    private void delete(String key) throws IOException {
        handler.delete(Cfgstring.parse(key));
    }

    @FunctionalInterface
    private interface Attempt {
        void run() throws IOException;
    }

    private static Errno refusal(Attempt attempt) {
        return assertThrows(StorageException.class, attempt::run).errno();
    }

    private List<String> everything() throws IOException {
        try (Stream<Path> all = Files.walk(top)) {
            return all.map(p -> top.relativize(p).toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "..",
                ".",
                "/",
                "//",
                "/etc/passwd",
                "../outside/victim",
                "../outside/new",
                "a/../../outside/victim",
                "a/..",
                "a/.",
                "./a",
                "a//b",
                "a/",
                "/a",
                "..//..",
                "a/b/../../../outside/new",
                "x.nbd-runner-tmp",
                ".nbd-runner-tmp",
                "d.nbd-runner-tmp/x",
                "\ud800",
                "a\ud800/b"
            })
    void namesThatAreNoPathBelowAreRefused(String key) throws IOException {
        List<String> before = everything();
        assertEquals(Errno.EINVAL, refusal(() -> create(key)));
        assertEquals(Errno.EINVAL, refusal(() -> open(key)));
        assertEquals(Errno.EINVAL, refusal(() -> delete(key)));
        assertEquals(before, everything());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "a/b/c/d", "..a", "a..", "...", "a b", "-rf", "~", "a\\b", "ä/漢字", "%2e%2e", "a.img"})
    void otherNamesAreTakenAsTheyAre(String key) throws IOException {
        create(key);
        assertTrue(Files.isRegularFile(root.resolve(key), LinkOption.NOFOLLOW_LINKS));
        open(key).close();
        delete(key);
        assertFalse(Files.exists(root.resolve(key)));
    }

    @Test
    void overlongNamesAreSaidSo() {
        assertEquals(Errno.ENAMETOOLONG, refusal(() -> create("a/" + "x".repeat(256))));
    }

    @Test
    void symbolicLinksAreNotFollowed() throws IOException {
        Files.createSymbolicLink(root.resolve("file"), outside.resolve("victim"));
        Files.createSymbolicLink(root.resolve("dangling"), outside.resolve("new"));
        Files.createSymbolicLink(root.resolve("dir"), outside);
        Files.createDirectory(root.resolve("real"));
        Files.createSymbolicLink(root.resolve("real/up"), Path.of("../../outside"));
        Files.createSymbolicLink(root.resolve("proc"), Path.of("/proc/self/cwd"));
        List<String> before = everything();
        for (String key :
                List.of("file", "dangling", "dir/victim", "dir/new", "real/up/victim", "real/up/new", "proc/x")) {
            assertThrows(StorageException.class, () -> create(key), key);
            assertEquals(Errno.EINVAL, refusal(() -> open(key)), key);
            assertEquals(Errno.EINVAL, refusal(() -> delete(key)), key);
        }
        assertEquals(before, everything());
    }

    @Test
    void onlyPlainFilesAreOpened() throws Exception {
        Files.createDirectory(root.resolve("dir"));
        run("mkfifo", root.resolve("fifo").toString());
        run("mknod", root.resolve("null").toString(), "c", "1", "3");
        run("mknod", root.resolve("loop").toString(), "b", "7", "0");
        assertEquals(Errno.EISDIR, refusal(() -> open("dir")));
        assertEquals(Errno.EISDIR, refusal(() -> delete("dir")));
        for (String key : List.of("fifo", "null", "loop")) {
            assertEquals(Errno.EINVAL, refusal(() -> open(key)), key);
            assertEquals(Errno.EINVAL, refusal(() -> delete(key)), key);
            assertEquals(Errno.EEXIST, refusal(() -> create(key)), key);
        }
    }

    private static void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).inheritIO().start();
        assertTrue(p.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, p.exitValue(), String.join(" ", command) + " (this test must run as root)");
    }

    /** Another thread exchanges a directory for a link to the outside all the time. */
    @Test
    void linksSwappedInMeanwhileAreNotFollowed() throws Exception {
        Path swapped = Files.createDirectory(root.resolve("d"));
        Files.write(swapped.resolve("victim"), new byte[8192]);
        Path link = Files.createSymbolicLink(top.resolve("link"), outside);
        LibC libc = LibraryLoader.create(LibC.class).load("c");
        byte[] one = (swapped + "\0").getBytes(StandardCharsets.UTF_8);
        byte[] other = (link + "\0").getBytes(StandardCharsets.UTF_8);
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger failures = new AtomicInteger();
        Thread swapper = new Thread(() -> {
            while (!stop.get() && failures.get() == 0) {
                if (libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0) {
                    failures.incrementAndGet();
                }
            }
        });
        swapper.start();
        int opened = 0;
        int refused = 0;
        try {
            for (int i = 0; i < 100_000 && (i < 2000 || opened == 0 || refused == 0); i++) {
                try (Volume v = open("d/victim")) {
                    assertEquals(8192, v.info().size(), "the file outside was opened");
                    opened++;
                } catch (StorageException e) {
                    refused++;
                }
                try {
                    create("d/new");
                    delete("d/new");
                } catch (StorageException e) {
                    refused++;
                }
                assertFalse(Files.exists(outside.resolve("new")), "a file outside was made");
            }
        } finally {
            stop.set(true);
            swapper.join();
        }
        assertEquals(0, failures.get(), "the swapping failed");
        assertTrue(opened > 0 && refused > 0, opened + " opened, " + refused + " refused: there was no race");
        assertTrue(Files.exists(outside.resolve("victim")));
    }

    @Test
    void aFileThatIsUsedIsNotOpenedAgain() throws Exception {
        create("a");
        try (Volume first = open("a")) {
            assertEquals(Errno.EBUSY, refusal(() -> open("a")));
            assertEquals(Errno.EBUSY, refusal(() -> delete("a")));
            Process other = new ProcessBuilder("flock", "-n", root.resolve("a").toString(), "true").start();
            assertTrue(other.waitFor(30, TimeUnit.SECONDS));
            assertEquals(1, other.exitValue(), "another program could lock it");
            first.info();
        }
        open("a").close();
        delete("a");
    }

    @Test
    void aFileNobodyMayWriteIsReadOnly() throws IOException {
        create("a");
        Files.setPosixFilePermissions(root.resolve("a"), PosixFilePermissions.fromString("r--r--r--"));
        try (Volume v = open("a");
                Volume other = open("a")) {
            assertTrue(v.info().readOnly());
            assertTrue(other.info().readOnly());
        }
    }

    @Test
    void aFailedCreationLeavesNothing() throws IOException {
        Files.createDirectory(root.resolve("there"));
        List<String> before = everything();
        List<String> calls = List.of("ftruncate", "fsync", "renameNoReplace", "flock");
        for (String call : calls) {
            FileHandler failing = new FileHandler(
                    FaultySyscalls.of(syscalls).failing(call, -5).calls(), root, 2);
            for (String key : List.of("a", "new/one/a", "there/new/a")) {
                assertThrows(
                        IOException.class,
                        () -> failing.create(Cfgstring.parse(key), MIB, true, ProgressListener.NONE),
                        call);
                assertEquals(before, everything(), call + " for " + key);
            }
        }
    }

    @Test
    void withoutRenameOfItsKindNothingIsOverwrittenEither() throws IOException {
        FileHandler old = new FileHandler(
                FaultySyscalls.of(syscalls)
                        .failing("renameNoReplace", -Syscalls.EINVAL)
                        .calls(),
                root,
                2);
        old.create(Cfgstring.parse("a"), MIB, false, ProgressListener.NONE);
        assertEquals(Errno.EEXIST, refusal(() -> old.create(Cfgstring.parse("a"), MIB, false, ProgressListener.NONE)));
        assertEquals(List.of("", "outside", "outside/victim", "root", "root/a"), everything());
    }

    @Test
    void whatCrashesLeaveIsDeletedUnlessItIsBeingMade() throws IOException {
        Path dead = Files.createDirectory(root.resolve("d")).resolve(".1.nbd-runner-tmp");
        Path alive = root.resolve("d/.2.nbd-runner-tmp");
        Path linked = root.resolve(".3.nbd-runner-tmp");
        Files.write(dead, new byte[100]);
        Files.write(alive, new byte[100]);
        Files.createSymbolicLink(linked, outside.resolve("victim"));
        try (FileTreeLock lock = FileTreeLock.of(syscalls, alive)) {
            new FileHandler(syscalls, root, 2);
            assertFalse(Files.exists(dead));
            assertTrue(Files.exists(alive), "a file was deleted while it was being made");
            lock.check();
        }
        assertTrue(Files.exists(outside.resolve("victim")));
    }

    private record FileTreeLock(Descriptor file) implements AutoCloseable {
        static FileTreeLock of(Syscalls syscalls, Path path) throws IOException {
            try (Directory d = Directory.open(syscalls, path.getParent())) {
                Descriptor file = d.file(path.getFileName().toString(), false);
                assertEquals(0, syscalls.flock(file.number(), 2));
                return new FileTreeLock(file);
            }
        }

        void check() {
            assertTrue(file.number() >= 0);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    @Test
    void preallocatedFilesHaveTheirSpaceAndSparseOnesHaveNone() throws IOException {
        List<Long> told = new ArrayList<>();
        handler.create(Cfgstring.parse("full"), 200 * MIB, true, (done, total) -> told.add(done));
        handler.create(Cfgstring.parse("sparse"), 200 * MIB, false, ProgressListener.NONE);
        try (Directory d = Directory.open(syscalls, root)) {
            assertTrue(
                    d.status("full").allocated() >= 200 * MIB, d.status("full").toString());
            assertEquals(0, d.status("sparse").allocated());
        }
        assertEquals(List.of(64 * MIB, 128 * MIB, 192 * MIB, 200 * MIB), told);
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(root.resolve("full"))));
    }

    @Test
    void whereSpaceCannotBeReservedZeroesAreWritten() throws IOException {
        FileHandler old = new FileHandler(
                FaultySyscalls.of(syscalls)
                        .failing("fallocate", -Syscalls.EOPNOTSUPP)
                        .calls(),
                root,
                2);
        old.create(Cfgstring.parse("full"), 3 * MIB, true, ProgressListener.NONE);
        try (Directory d = Directory.open(syscalls, root)) {
            assertTrue(d.status("full").allocated() >= 3 * MIB);
        }
        assertArrayEquals(new byte[3 << 20], Files.readAllBytes(root.resolve("full")));
    }

    @Test
    void filesOfOtherProgramsAreOpenedInWholeSectors() throws IOException {
        Files.write(root.resolve("odd"), new byte[1000]);
        Files.write(root.resolve("tiny"), new byte[100]);
        try (Volume v = open("odd")) {
            assertEquals(512, v.info().size());
            assertTrue(v.info().description().contains("488"), v.info().description());
        }
        assertEquals(Errno.EINVAL, refusal(() -> open("tiny")));
    }

    @Test
    void tooLargeASizeIsSaidSo() {
        assertEquals(
                Errno.EFBIG,
                refusal(() ->
                        handler.create(Cfgstring.parse("huge"), Long.MAX_VALUE & ~511L, false, ProgressListener.NONE)));
        assertFalse(Files.exists(root.resolve("huge")));
    }

    @Test
    void anotherFileOfTheNameHasAnotherIdentity() throws IOException {
        create("a");
        String first;
        try (Volume v = open("a")) {
            first = v.info().identity();
        }
        delete("a");
        create("a");
        try (Volume v = open("a")) {
            assertFalse(first.equals(v.info().identity()), first);
        }
    }

    @Test
    void aMissingDirectoryStopsTheStart() {
        for (String directory : new String[] {top + "/missing", "", outside + "/victim"}) {
            IOException e = assertThrows(IOException.class, () -> FileHandler.directory(directory));
            assertTrue(e.getMessage().contains("org.nbdrunner.handler.file"), e.getMessage());
            assertEquals(1, e.getMessage().lines().count());
        }
    }
}
