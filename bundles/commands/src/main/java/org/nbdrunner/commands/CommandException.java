package org.nbdrunner.commands;

/** A command failed, or its words make none; the message is the reason. */
public final class CommandException extends Exception {
    private static final long serialVersionUID = 1;

    /** The exit status. */
    private final int status;

    /** The help, which may be empty. */
    private final String help;

    CommandException(int status, String reason, String help, Throwable cause) {
        super(reason, cause);
        this.status = status;
        this.help = help;
    }

    /**
     * The exit status of a program that runs this command.
     *
     * @return {@link Commands#FAILED} or {@link Commands#USAGE}
     */
    public int status() {
        return status;
    }

    /**
     * The help that would have prevented it.
     *
     * @return lines; empty if the words were right
     */
    public String help() {
        return help;
    }
}
