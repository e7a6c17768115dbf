package org.nbdrunner.commands;

import java.io.IOException;
import java.util.List;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.commands.internal.CommandSet;
import org.nbdrunner.commands.internal.Printable;
import org.nbdrunner.commands.internal.UsageException;

/** Runs commands. For use by any thread; each run prints to the environment's streams. */
public final class Commands {
    /** Exit status: done. */
    public static final int DONE = 0;
    /** Exit status: refused or failed. */
    public static final int FAILED = 1;
    /** Exit status: the words make no command. */
    public static final int USAGE = 2;

    private final Environment environment;

    /**
     * Commands in an environment.
     *
     * @param environment where they run
     */
    public Commands(Environment environment) {
        this.environment = environment;
    }

    /**
     * Runs a command, and says on the environment's standard error why it failed.
     *
     * @param words as typed, without the program's name
     * @return the exit status
     */
    public int run(List<String> words) {
        try {
            execute(words);
            return DONE;
        } catch (CommandException e) {
            if (!e.getMessage().isEmpty()) {
                environment.complain(e.getMessage());
            }
            environment.err().print(e.help());
            return e.status();
        }
    }

    /**
     * Runs a command, and leaves it to the caller to say why it failed.
     *
     * @param words as typed, without the program's name
     * @throws CommandException if it fails, or the words make no command
     */
    public void execute(List<String> words) throws CommandException {
        try {
            new CommandSet(environment).run(words);
        } catch (UsageException e) {
            throw new CommandException(USAGE, Printable.of(e.getMessage()), e.help(), e);
        } catch (ControlException e) {
            throw new CommandException(FAILED, Printable.of(e.getMessage()), "", e);
        } catch (IOException e) {
            throw new CommandException(FAILED, Printable.of(Errno.describe(e)), "", e);
        }
    }
}
