package org.nbdrunner.registry.internal;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.nbdrunner.api.control.HandlerOpening;
import org.nbdrunner.api.control.HandlerOpening.State;
import org.nbdrunner.api.control.HandlerWatch;
import org.nbdrunner.registry.internal.handlers.HandlerService;
import org.nbdrunner.registry.internal.handlers.HandlerTable;

/** Looks at the backstores in use. */
final class RegistryWatch implements HandlerWatch {
    private final Backstores backstores;
    private final HandlerTable handlers;
    private final Changes changes;
    private final Map<String, String> remarks = new ConcurrentHashMap<>();

    RegistryWatch(Backstores backstores, HandlerTable handlers, Changes changes) {
        this.backstores = backstores;
        this.handlers = handlers;
        this.changes = changes;
    }

    @Override
    public HandlerOpening awaitOpen(String handler, long bundle, Duration bound) throws InterruptedException {
        changes.await(() -> isOpen(handler, bundle) || !failure(handler, bundle).isEmpty(), bound);
        String failure = failure(handler, bundle);
        if (!failure.isEmpty()) {
            return new HandlerOpening(State.FAILED, failure);
        }
        if (isOpen(handler, bundle)) {
            return new HandlerOpening(State.OPEN, "");
        }
        if (serving(handler, bundle).isEmpty()) {
            return new HandlerOpening(State.PENDING, "it does not serve " + handler);
        }
        return new HandlerOpening(
                State.PENDING,
                inUseOf(handler).stream()
                        .filter(b -> !b.isOpen())
                        .map(Backstore::key)
                        .collect(Collectors.joining(", ", "it has not opened ", "")));
    }

    private Optional<HandlerService> serving(String handler, long bundle) {
        return handlers.serving(handler).filter(s -> s.origin().bundle() == bundle);
    }

    private boolean isOpen(String handler, long bundle) {
        return serving(handler, bundle)
                .map(s -> inUseOf(handler).stream().allMatch(b -> b.isOpenThrough(s)))
                .orElse(false);
    }

    /** Why a handler could not open a volume that clients use; empty if it could, or has not tried yet. */
    private String failure(String handler, long bundle) {
        return serving(handler, bundle)
                .flatMap(s -> inUseOf(handler).stream()
                        .map(b -> b.failureOf(s))
                        .filter(Objects::nonNull)
                        .findFirst())
                .orElse("");
    }

    /** The backstores of a handler that clients use. */
    List<Backstore> inUseOf(String handler) {
        return backstores.all().stream()
                .filter(b -> b.isOf(handler) && b.isUsed())
                .toList();
    }

    @Override
    public int inUse(String handler) {
        return inUseOf(handler).size();
    }

    @Override
    public void abandon(String handler) {
        handlers.giveUp(handler);
        inUseOf(handler).forEach(Backstore::abandon);
    }

    @Override
    public void remark(String handler, String remark) {
        if (remark.isEmpty()) {
            remarks.remove(handler);
        } else {
            remarks.put(handler, remark);
        }
    }

    String remark(String handler) {
        return remarks.getOrDefault(handler, "");
    }
}
