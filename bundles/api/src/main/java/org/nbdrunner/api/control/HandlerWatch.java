package org.nbdrunner.api.control;

import java.time.Duration;
import org.osgi.annotation.versioning.ProviderType;

/** What the clients of a handler live through when it changes; for whoever changes it. For use by any thread. */
@ProviderType
public interface HandlerWatch {

    /**
     * Waits until each backstore of a handler that clients use is open through one service, or the service could not open one of them.
     *
     * @param handler the handler
     * @param bundle the id of the bundle that the service is from
     * @param bound how long it waits at most
     * @return how far it has come
     * @throws InterruptedException if the thread was interrupted
     */
    HandlerOpening awaitOpen(String handler, long bundle, Duration bound) throws InterruptedException;

    /**
     * Whether clients use backstores of a handler.
     *
     * @param handler the handler
     * @return how many of its backstores
     */
    int inUse(String handler);

    /**
     * A handler was removed for good: its mappings are listed as dead at once, and not only when their clients have waited in vain, and
     * nobody new waits for it.
     *
     * @param handler the handler
     */
    void abandon(String handler);

    /**
     * Keeps what happened to a handler for its listing.
     *
     * @param handler the handler
     * @param remark one line; empty to forget it
     */
    void remark(String handler, String remark);
}
