package org.nbdrunner.handler.file.internal;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** System calls that are counted, and of which some fail. */
final class FaultySyscalls {
    private final Map<String, AtomicInteger> counts = new ConcurrentHashMap<>();
    private final Map<String, Integer> failures = new ConcurrentHashMap<>();
    private final Syscalls calls;

    private FaultySyscalls(Syscalls real) {
        calls = (Syscalls) Proxy.newProxyInstance(
                Syscalls.class.getClassLoader(), new Class<?>[] {Syscalls.class}, (proxy, method, arguments) -> {
                    counts.computeIfAbsent(method.getName(), n -> new AtomicInteger())
                            .incrementAndGet();
                    Integer failure = failures.get(method.getName());
                    if (failure != null) {
                        return method.getReturnType() == long.class ? (Object) (long) failure : (Object) failure;
                    }
                    try {
                        return method.invoke(real, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    static FaultySyscalls of(Syscalls real) {
        return new FaultySyscalls(real);
    }

    FaultySyscalls failing(String call, int result) {
        failures.put(call, result);
        return this;
    }

    void heal(String call) {
        failures.remove(call);
    }

    int count(String call) {
        AtomicInteger n = counts.get(call);
        return n == null ? 0 : n.get();
    }

    Syscalls calls() {
        return calls;
    }
}
