package org.nbdrunner.registry.internal.handlers;

import java.io.IOException;
import org.nbdrunner.api.handler.Handler;

/**
 * Something that a handler is asked for.
 *
 * @param <T> the answer
 */
@FunctionalInterface
public interface HandlerCall<T> {

    /**
     * Asks.
     *
     * @param handler present until this returns
     * @return the answer
     * @throws IOException what the handler met
     */
    T on(Handler handler) throws IOException;
}
