package org.nbdrunner.registry.internal.gate;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A volume on its way out.
 *
 * @param opened the volume, to which nothing is submitted any more
 * @param sessions the connections whose requests may still run in it
 * @param done completes when it is closed; never, if its handler does not return
 */
record Closing(OpenVolume opened, List<Session> sessions, CompletableFuture<Void> done) {

    /**
     * Waits for the end until a time of {@link System#nanoTime}; false if it has not come, or the thread was
     * interrupted.
     */
    boolean await(long deadline) {
        try {
            done.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            return true; // it has ended, if not well
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
