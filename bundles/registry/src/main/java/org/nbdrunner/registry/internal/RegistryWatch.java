package org.nbdrunner.registry.internal;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
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
    public String awaitOpen(String handler, long bundle, Duration bound) throws InterruptedException {
        if (changes.await(
                () -> isOpen(handler, bundle) || !failure(handler, bundle).isEmpty(), bound)) {
            return failure(handler, bundle);
        }
        if (serving(handler, bundle).isEmpty()) {
            return "it does not serve " + handler + " after " + bound.toSeconds() + " s";
        }
        return inUseOf(handler).stream()
                .filter(b -> !b.isOpen())
                .map(Backstore::key)
                .collect(Collectors.joining(", ", "not opened within " + bound.toSeconds() + " s: ", ""));
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
