package org.nbdrunner.api.control;

/**
 * A handler in a listing.
 *
 * @param name as users type it
 * @param type its number on the wire and in the saved configuration
 * @param backstores how many backstores it has
 * @param version of the bundle that it comes from; empty if it is absent, or the runner does not tell
 * @param bundle the id of that bundle; -1 if it is absent, or the runner does not tell
 * @param state how it is
 * @param exports how many of its backstores clients use
 * @param inFlight how many requests its volumes are at
 * @param remark what happened to it last, such as an upgrade that was rolled back, and why; empty if nothing did
 */
public record HandlerInfo(
        String name,
        int type,
        int backstores,
        String version,
        long bundle,
        HandlerState state,
        int exports,
        int inFlight,
        String remark) {

    /**
     * A handler of which no more is known.
     *
     * @param name as users type it
     * @param type its number on the wire and in the saved configuration
     * @param backstores how many backstores it has
     */
    public HandlerInfo(String name, int type, int backstores) {
        this(name, type, backstores, "", -1, HandlerState.ACTIVE, 0, 0, "");
    }
}
