package org.nbdrunner.registry.internal;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.nbdrunner.api.handler.VolumeInfo;

/** What outlives a handler: its disks, and a record of what must never happen to them. */
final class TestStorage {
    final Map<String, VolumeInfo> disks = new ConcurrentHashMap<>();
    final Map<String, AtomicInteger> open = new ConcurrentHashMap<>();

    final AtomicInteger submittedAfterClose = new AtomicInteger();
    final AtomicInteger closedInFlight = new AtomicInteger();
    final AtomicInteger openTwice = new AtomicInteger();
    final AtomicInteger closedUnflushed = new AtomicInteger();
    final AtomicInteger resizedInUse = new AtomicInteger();

    int openVolumes() {
        return open.values().stream().mapToInt(AtomicInteger::get).sum();
    }

    void assertUnharmed() {
        assertAll(
                () -> assertEquals(0, submittedAfterClose.get(), "requests that reached a closed volume"),
                () -> assertEquals(0, closedInFlight.get(), "volumes closed with requests in flight"),
                () -> assertEquals(0, openTwice.get(), "volumes open beside another one of the same disk"),
                () -> assertEquals(
                        0, resizedInUse.get(), "volumes made smaller with requests in flight, or closed ones"),
                () -> assertEquals(0, closedUnflushed.get(), "volumes closed without a flush after the last write"));
    }
}
