package org.nbdrunner.api.control;

/** How a handler is. */
public enum HandlerState {
    /** It is there, and every volume of it that clients use is open. */
    ACTIVE,
    /** It is there, and volumes that clients use are not open yet: their requests wait. */
    OPENING,
    /** It is not there, but backstores of it are. */
    ABSENT;

    /**
     * The word in listings.
     *
     * @return lower case
     */
    public String text() {
        return switch (this) {
            case ACTIVE -> "active";
            case OPENING -> "opening";
            case ABSENT -> "absent";
        };
    }

    /**
     * The state of a word.
     *
     * @param text as {@link #text} gives it
     * @return the state
     * @throws IllegalArgumentException if there is none
     */
    public static HandlerState parse(String text) {
        for (HandlerState state : values()) {
            if (state.text().equals(text)) {
                return state;
            }
        }
        throw new IllegalArgumentException("there is no handler state " + text);
    }
}
