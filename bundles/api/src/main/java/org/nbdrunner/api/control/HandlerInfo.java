package org.nbdrunner.api.control;

/**
 * A handler in a listing.
 *
 * @param name as users type it
 * @param type its number on the wire and in the saved configuration
 * @param backstores how many backstores it has
 */
public record HandlerInfo(String name, int type, int backstores) {}
