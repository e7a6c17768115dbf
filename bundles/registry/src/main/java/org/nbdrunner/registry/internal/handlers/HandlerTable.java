package org.nbdrunner.registry.internal.handlers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.registry.internal.store.SavedBackstore;

/**
 * The handlers present. Of several with one name the best ranked serves: the one of the highest service ranking, among
 * equals the oldest. For use by any thread.
 */
public final class HandlerTable {
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,31}");

    private record Ranked(HandlerService service, int ranking, long id) {}

    private static final Comparator<Ranked> BEST_FIRST =
            Comparator.comparingInt(Ranked::ranking).reversed().thenComparingLong(Ranked::id);

    /** All that are present, best first; guarded by this. */
    private final List<Ranked> present = new ArrayList<>();

    private final ConcurrentMap<String, HandlerService> serving = new ConcurrentHashMap<>();

    /** When handlers went away that nobody serves since, by {@link System#nanoTime}; guarded by this. */
    private final Map<String, Long> departures = new HashMap<>();

    /** Types of handlers that have backstores and were not here yet since the start; guarded by this. */
    private final Set<Integer> awaited = new HashSet<>();

    private final Duration absence;
    private final long start = System.nanoTime();

    /** Names by number of all handlers that ever were here or have backstores: listings can name one that is away. */
    private final ConcurrentMap<Integer, String> names = new ConcurrentHashMap<>();

    /**
     * Something done with a handler.
     *
     * @param <T> the outcome
     */
    @FunctionalInterface
    public interface Use<T> {

        /**
         * Does it.
         *
         * @param service the handler
         * @return the outcome
         * @throws StorageException if it fails
         */
        T with(HandlerService service) throws StorageException;
    }

    /**
     * A table without handlers.
     *
     * @param absence how long a handler that went away, or is still to start, is waited for
     * @param awaited types of the handlers that should start
     */
    public HandlerTable(Duration absence, Set<Integer> awaited) {
        this.absence = absence;
        this.awaited.addAll(awaited);
    }

    /**
     * Takes note of the name of a handler that has backstores, whether it is here or not.
     *
     * @param name as users type it
     */
    public void note(String name) {
        names.putIfAbsent(HandlerTypes.type(name), name);
    }

    /**
     * Adds a handler.
     *
     * @param name its service property {@value HandlerName#PROPERTY}
     * @param handler the service
     * @param ranking its service ranking
     * @param id its service id
     * @param origin its bundle
     * @return the handler, which serves unless a better ranked one of this name does
     * @throws IllegalArgumentException if it cannot be used, with the reason
     */
    public synchronized HandlerService add(
            String name, Handler handler, int ranking, long id, HandlerService.Origin origin) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "the handler name \"" + name + "\" is not 1 to 32 of a-z, 0-9 and -, beginning with a letter");
        }
        Set<String> options = handler.options();
        for (String option : options) {
            if (SavedBackstore.RESERVED.contains(option)
                    || option.isEmpty()
                    || option.indexOf('=') >= 0
                    || option.indexOf(';') >= 0) {
                throw new IllegalArgumentException("handler " + name + " has an option named \"" + option
                        + "\", which means something else in the saved configuration");
            }
        }
        String other = names.putIfAbsent(HandlerTypes.type(name), name);
        if (other != null && !other.equals(name)) {
            throw new IllegalArgumentException(
                    "handler " + name + " has the same number as handler " + other + ", give it another name");
        }
        HandlerService service = new HandlerService(name, handler, options, origin);
        present.add(new Ranked(service, ranking, id));
        choose(name);
        return service;
    }

    /**
     * Changes a handler's rank.
     *
     * @param service the handler
     * @param ranking its new service ranking
     */
    public synchronized void rank(HandlerService service, int ranking) {
        present.replaceAll(r -> r.service() == service ? new Ranked(service, ranking, r.id()) : r);
        choose(service.name());
    }

    /**
     * Takes a handler out.
     *
     * @param service the handler
     */
    public synchronized void remove(HandlerService service) {
        present.removeIf(r -> r.service() == service);
        choose(service.name());
        if (!serving.containsKey(service.name())) {
            departures.put(service.name(), System.nanoTime());
        }
    }

    private void choose(String name) {
        present.sort(BEST_FIRST);
        serving.compute(
                name,
                (n, before) -> present.stream()
                        .map(Ranked::service)
                        .filter(s -> s.name().equals(n))
                        .findFirst()
                        .orElse(null));
        if (serving.containsKey(name)) {
            giveUp(name);
        }
    }

    /**
     * The handler of a service.
     *
     * @param handler the service
     * @return what {@link #add} made of it, if it did and it was not removed since
     */
    public synchronized Optional<HandlerService> find(Handler handler) {
        return present.stream().map(Ranked::service).filter(s -> s.is(handler)).findFirst();
    }

    /**
     * The handler that serves a name.
     *
     * @param name as users type it
     * @return empty if none is present
     */
    public Optional<HandlerService> serving(String name) {
        return Optional.ofNullable(serving.get(name));
    }

    /**
     * Whether a handler serves, or may come soon: it has just gone away, perhaps to be upgraded, or all has just started.
     *
     * @param name as users type it
     * @return whether {@link #use} may find it
     */
    public synchronized boolean isExpected(String name) {
        return serving.containsKey(name) || nanosToWaitFor(name) > 0;
    }

    /**
     * A handler was removed for good: nobody should wait for it.
     *
     * @param name as users type it
     */
    public synchronized void giveUp(String name) {
        departures.remove(name);
        awaited.remove(HandlerTypes.type(name));
        notifyAll();
    }

    /**
     * Does something with the handler that serves a name. If it may come soon it is waited for; and if it goes
     * away before anything was done, the next one is taken.
     *
     * @param <T> the outcome's type
     * @param name as users type it
     * @param use what to do
     * @return the outcome
     * @throws StorageException what was thrown; {@link Errno#ENODEV} naming those present, if this one is not
     */
    public <T> T use(String name, Use<T> use) throws StorageException {
        while (true) {
            HandlerService service = await(name);
            try {
                return use.with(service);
            } catch (StorageException e) {
                boolean early = e.errno() == Errno.ENODEV || e.errno() == Errno.EAGAIN;
                if (!early
                        || serving.get(name) == service
                        || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
        }
    }

    private synchronized HandlerService await(String name) throws StorageException {
        try {
            while (!serving.containsKey(name)) {
                long nanos = nanosToWaitFor(name);
                if (nanos <= 0) {
                    Set<String> there = names();
                    throw new StorageException(
                            Errno.ENODEV,
                            "there is no handler \"" + name + "\"; "
                                    + (there.isEmpty() ? "none is present" : "present: " + String.join(", ", there)));
                }
                TimeUnit.NANOSECONDS.timedWait(this, nanos);
            }
            return serving.get(name);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StorageException(Errno.EAGAIN, "interrupted while handler " + name + " was away", e);
        }
    }

    private long nanosToWaitFor(String name) {
        Long since = departures.get(name);
        if (since == null && awaited.contains(HandlerTypes.type(name))) {
            since = start;
        }
        return since == null ? 0 : absence.toNanos() - (System.nanoTime() - since);
    }

    /**
     * The handlers that are present.
     *
     * @return names, sorted
     */
    public Set<String> names() {
        return new TreeSet<>(serving.keySet());
    }

    /**
     * The name that goes with a number.
     *
     * @param type as in {@link HandlerTypes}
     * @return the name, or {@code type N} where it is not known
     */
    public String name(int type) {
        String name = names.get(type);
        return name != null ? name : HandlerTypes.name(type).orElse("type " + type);
    }
}
