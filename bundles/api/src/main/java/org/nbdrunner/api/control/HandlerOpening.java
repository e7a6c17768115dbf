package org.nbdrunner.api.control;

/**
 * How far a handler has come with the volumes that clients use.
 *
 * @param state how far
 * @param reason why they are not all open, in a line; empty if they are
 */
public record HandlerOpening(State state, String reason) {
    /** How far. */
    public enum State {
        /** All are open. */
        OPEN,
        /** The handler does not serve under its name, or has not opened all yet. */
        PENDING,
        /** It could not open one of them. */
        FAILED
    }
}
