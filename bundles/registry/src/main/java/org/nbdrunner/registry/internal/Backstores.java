package org.nbdrunner.registry.internal;

import java.util.Collection;
import java.util.Collections;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * All backstores by key, and those that are just coming to be: an operation on a key holds that key alone, whether
 * there is a backstore yet or not. For use by any thread.
 */
final class Backstores {
    private final ConcurrentMap<String, Backstore> byKey = new ConcurrentHashMap<>();
    private final Surroundings around;

    /** Those of the saved configuration. */
    Backstores(Surroundings around) {
        this.around = around;
        around.configuration().found().forEach((key, saved) -> byKey.put(key, new Backstore(key, saved, around)));
    }

    /**
     * Something done to one backstore.
     *
     * @param <T> the outcome
     */
    @FunctionalInterface
    interface Operation<T> {

        T on(Backstore backstore) throws StorageException;
    }

    /**
     * Does something to a backstore while nobody else does.
     *
     * @param <T> the outcome's type
     * @param key the backstore; it need not exist
     * @param name of the operation, for those who have to wait
     * @param operation what to do
     * @return the outcome
     * @throws StorageException what the operation threw; {@link Errno#EBUSY} if another one goes on for too long
     */
    <T> T exclusively(String key, String name, Operation<T> operation) throws StorageException {
        while (true) {
            Backstore backstore = byKey.computeIfAbsent(key, k -> new Backstore(k, null, around));
            backstore.lock(name);
            try {
                if (!backstore.isDiscarded()) {
                    return operation.on(backstore);
                }
            } finally {
                if (backstore.discard()) {
                    byKey.remove(key, backstore);
                }
                backstore.unlock();
            }
        }
    }

    /** Null if there is none; one that is there may still come to nothing. */
    Backstore find(String key) {
        return byKey.get(key);
    }

    /** A live view. */
    Collection<Backstore> all() {
        return Collections.unmodifiableCollection(byKey.values());
    }
}
