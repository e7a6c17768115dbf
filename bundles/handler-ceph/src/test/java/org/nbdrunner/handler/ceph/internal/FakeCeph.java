package org.nbdrunner.handler.ceph.internal;

import com.kenai.jffi.MemoryIO;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import jnr.ffi.LibraryLoader;

/** librados and librbd with one image, whose operations end at once. What is written is not kept. */
final class FakeCeph {
    static final long SIZE = 1 << 20;
    private static final int ADDRESS_BYTES = 8;

    private final MemoryIO memory = MemoryIO.getInstance();
    private final LibC libc = LibraryLoader.create(LibC.class).load("c");

    /** What a completion was made with. */
    private final Map<Long, Long> arguments = new HashMap<>();

    private final Map<Long, Long> results = new HashMap<>();
    private final Queue<Long> ended = new ArrayDeque<>();
    private final List<String> calls = new ArrayList<>();
    private long completions;
    private int eventFd;
    private int failure;

    /** What a handler would have loaded. */
    Libraries libraries() {
        return new Libraries(fake(LibRados.class, this::rados), fake(LibRbd.class, this::rbd), libc, memory);
    }

    /** From now on operations fail. */
    synchronized void failWith(int errno) {
        failure = errno;
    }

    /** The operations so far, each with its flags. */
    synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    private interface Body {
        long call(String function, Object[] arguments);
    }

    private static <T> T fake(Class<T> type, Body body) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (p, method, arguments) -> {
                    long result = body.call(method.getName(), arguments);
                    return value(method, result);
                }));
    }

    private static Object value(Method method, long result) {
        if (method.getReturnType() == int.class) {
            return (int) result;
        }
        return method.getReturnType() == long.class ? result : null;
    }

    private long rados(String function, Object[] a) {
        switch (function) {
            case "rados_create2" -> ((long[]) a[0])[0] = 1;
            case "rados_ioctx_create" -> ((long[]) a[2])[0] = 1;
            default -> {}
        }
        return 0;
    }

    private synchronized long rbd(String function, Object[] a) {
        switch (function) {
            case "rbd_open" -> ((long[]) a[2])[0] = 1;
            case "rbd_get_size" -> ((long[]) a[1])[0] = SIZE;
            case "rbd_get_features" -> ((long[]) a[1])[0] = LibRbd.FEATURE_EXCLUSIVE_LOCK;
            case "rbd_is_exclusive_lock_owner" -> ((int[]) a[1])[0] = 1;
            case "rbd_set_image_notification" -> eventFd = (int) a[1];
            case "rbd_flush" -> calls.add("flush");
            case "rbd_aio_create_completion" -> {
                arguments.put(++completions, (long) a[0]);
                memory.putLong((long) a[2], completions);
            }
            case "rbd_aio_get_arg" -> {
                return arguments.get(a[0]);
            }
            case "rbd_aio_get_return_value" -> {
                return results.get(a[0]);
            }
            case "rbd_aio_release" -> {
                arguments.remove(a[0]);
                results.remove(a[0]);
            }
            case "rbd_poll_io_events" -> {
                return poll((long) a[1], (int) a[2]);
            }
            case "rbd_aio_read" -> end("read", a[4], (long) a[2]);
            case "rbd_aio_write" -> end("write", a[4], 0);
            case "rbd_aio_write2" -> end("write " + a[5], a[4], 0);
            case "rbd_aio_write_zeroes" -> end("write zeroes " + a[4] + " " + a[5], a[3], 0);
            case "rbd_aio_discard" -> end("discard", a[3], 0);
            case "rbd_aio_flush" -> end("flush", a[1], 0);
            default -> {}
        }
        return 0;
    }

    private void end(String call, Object completion, long result) {
        calls.add(call);
        results.put((long) completion, failure == 0 ? result : -failure);
        ended.add((long) completion);
        libc.write(eventFd, new long[] {1}, ADDRESS_BYTES);
    }

    private long poll(long addresses, int max) {
        int n = 0;
        while (n < max && !ended.isEmpty()) {
            memory.putLong(addresses + (long) n++ * ADDRESS_BYTES, ended.remove());
        }
        return n;
    }
}
