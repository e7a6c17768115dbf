package org.nbdrunner.registry.internal.store;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file {@code saveconfig.json}: one object whose members are the backstores, in the C project's format. It is read
 * once, when it is opened, and written whole at each change; its directory is locked meanwhile.
 *
 * <p>For use by any thread. Changes that are made at the same time share one write.
 */
public final class SavedConfiguration implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SavedConfiguration.class);
    private static final String FILE = "saveconfig.json";

    private final DirectoryLock lock;
    private final WholeFile file;

    /** Guarded by itself. A value of null keeps the place of a member whose removal may yet fail. */
    private final LinkedHashMap<String, JsonElement> members = new LinkedHashMap<>();

    private final Map<String, SavedBackstore> found;

    /** Counts changes to the members; guarded by them. */
    private long version;

    private final ReentrantLock writing = new ReentrantLock();

    /** The version that is on disk; guarded by the lock. */
    private long written;

    /** Guarded by the lock. */
    private boolean closed;

    private SavedConfiguration(DirectoryLock lock, Path directory) throws IOException {
        this.lock = lock;
        this.file = new WholeFile(directory.resolve(FILE).toAbsolutePath());
        this.found = load();
    }

    /**
     * Locks a directory and reads the file in it, if there is one. Nothing is written.
     *
     * @param directory exists
     * @return the configuration
     * @throws IOException if the directory is missing or in use, or the file is unreadable or damaged; the message is
     *     one line that names what and where
     */
    public static SavedConfiguration open(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new IOException("the directory " + directory
                    + " for the saved configuration does not exist: create it, or name another one");
        }
        DirectoryLock lock = DirectoryLock.take(directory);
        try {
            return new SavedConfiguration(lock, directory);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private Map<String, SavedBackstore> load() throws IOException {
        String text;
        try {
            text = Files.readString(file.path());
        } catch (NoSuchFileException e) {
            return Map.of();
        } catch (CharacterCodingException e) {
            throw damaged("it is not UTF-8", e);
        } catch (IOException e) {
            throw new IOException(file.path() + " cannot be read: " + Errno.describe(e), e);
        }
        if (text.isBlank()) {
            throw damaged("it is empty", null);
        }
        try {
            members.putAll(JsonText.parse(text).asMap());
        } catch (IOException e) {
            throw damaged(e.getMessage(), e);
        }
        Map<String, SavedBackstore> backstores = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> member : members.entrySet()) {
            if (SavedBackstore.isBackstore(member.getValue())) {
                String key = member.getKey();
                try {
                    if (!Cfgstring.parse(key).key().equals(key)) {
                        throw new IOException("its name has a semicolon");
                    }
                    SavedBackstore backstore =
                            SavedBackstore.read(member.getValue().getAsJsonObject());
                    member.setValue(backstore.members());
                    backstores.put(key, backstore);
                } catch (IOException e) {
                    throw damaged("backstore \"" + key + "\": " + e.getMessage(), e);
                }
            }
        }
        return backstores;
    }

    private IOException damaged(String why, IOException cause) {
        return new IOException(
                file.path() + " is damaged (" + why
                        + ") and was left as it is: mend it, or move it away to begin without it",
                cause);
    }

    /**
     * The file.
     *
     * @return absolute
     */
    public Path path() {
        return file.path();
    }

    /**
     * The backstores that the file had when it was opened.
     *
     * @return by key, in the file's order
     */
    public Map<String, SavedBackstore> found() {
        return found;
    }

    /**
     * Whether the file has a member of this name, be it a backstore or something that only another program understands.
     *
     * @param name the member
     * @return true if so
     */
    public boolean has(String name) {
        synchronized (members) {
            return members.get(name) != null;
        }
    }

    /**
     * Changes one backstore. When this returns, the change is on disk. Changes to one backstore must not be made at the
     * same time.
     *
     * @param key the backstore
     * @param backstore what it is from now on; null to remove it
     * @throws StorageException if it could not be written; then nothing has changed
     */
    public void commit(String key, SavedBackstore backstore) throws StorageException {
        JsonElement before;
        long mine;
        synchronized (members) {
            before = members.put(key, backstore == null ? null : backstore.members());
            mine = ++version;
        }
        writing.lock();
        try {
            write(mine);
            forgetPlace(key);
        } catch (IOException e) {
            // Still under the lock, so that no other change is written together with this one.
            synchronized (members) {
                members.put(key, before);
            }
            forgetPlace(key);
            throw new StorageException(Errno.of(e), file.path() + " cannot be written: " + Errno.describe(e), e);
        } finally {
            writing.unlock();
        }
    }

    private void forgetPlace(String key) {
        synchronized (members) {
            members.remove(key, null);
        }
    }

    /**
     * Changes one backstore because something has happened to it that cannot be undone. If it cannot be written now, it
     * will be with the next change.
     *
     * @param key the backstore
     * @param backstore what it has become
     */
    public void note(String key, SavedBackstore backstore) {
        long mine;
        synchronized (members) {
            members.put(key, backstore.members());
            mine = ++version;
        }
        writing.lock();
        try {
            if (!closed) {
                write(mine);
            }
        } catch (IOException e) {
            LOG.error(
                    "{} cannot be written; that {} is {} will be there with the next change: {}",
                    path(),
                    key,
                    backstore.state().text(),
                    e.toString());
        } finally {
            writing.unlock();
        }
    }

    /** With the lock held. Does nothing if whoever held it before wrote this change too. */
    private void write(long mine) throws IOException {
        if (closed) {
            throw new IOException("the registry is stopped");
        }
        if (written >= mine) {
            return;
        }
        JsonObject snapshot = new JsonObject();
        long upTo;
        synchronized (members) {
            members.forEach((name, value) -> {
                if (value != null) {
                    snapshot.add(name, value);
                }
            });
            upTo = version;
        }
        file.write(JsonText.print(snapshot));
        written = upTo;
    }

    /** Waits for a write to end and gives the directory free; nothing is written any more. */
    @Override
    public void close() throws IOException {
        writing.lock();
        try {
            if (!closed) {
                closed = true;
                lock.close();
            }
        } finally {
            writing.unlock();
        }
    }
}
