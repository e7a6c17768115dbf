package org.nbdrunner.commands.internal;

/** Text from elsewhere, made fit for a terminal. */
public final class Printable {
    private Printable() {}

    /**
     * Takes from a text what could command a terminal.
     *
     * @param text from elsewhere
     * @return the same, with {@code ?} for each control character
     */
    public static String of(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isISOControl(text.charAt(i))) {
                return text.replaceAll("\\p{Cntrl}|[\\x80-\\x9f]", "?");
            }
        }
        return text;
    }
}
