package org.nbdrunner.commands.internal;

/** The words make no command; carries the help that would have prevented it. */
public final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    /** The help. */
    private final String help;

    UsageException(String message, String help) {
        super(message);
        this.help = help;
    }

    /**
     * The command's help.
     *
     * @return lines
     */
    public String help() {
        return help;
    }
}
