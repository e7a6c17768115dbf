package org.nbdrunner.api.control;

import java.util.Locale;

/** The states of a backstore; the saved configuration has their names in lower case. */
public enum BackstoreState {
    /** It exists and is not mapped. */
    CREATED,
    /** {@link Control#premap} was called, {@link Control#postmap} not yet. */
    MAPPING,
    /** It is bound to a device of some client machine. */
    MAPPED,
    /** The mapping lost its I/O connection without an unmap; mapping it again restores it. */
    DEAD,
    /** {@link Control#unmap} was called and the I/O connection has not ended yet. */
    UNMAPPING;

    /**
     * The name as saved and listed.
     *
     * @return lower case
     */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The state of a saved name.
     *
     * @param text as {@link #text()} gives it
     * @return the state
     * @throws IllegalArgumentException if there is none
     */
    public static BackstoreState parse(String text) {
        return valueOf(text.toUpperCase(Locale.ROOT));
    }
}
