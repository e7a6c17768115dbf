package org.nbdrunner.commands;

import java.io.PrintStream;
import java.util.List;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.netlink.Mapper;

/** Where a command runs: in the container, or in a program of its own. */
public interface Environment {

    /**
     * The runner to ask.
     *
     * @param host as typed; empty if none was
     * @return its control
     * @throws ControlException if there is no such host, or none can be chosen here
     */
    Control control(String host) throws ControlException;

    /**
     * Who changes the handlers of the runner to ask.
     *
     * @param host as typed; empty if none was
     * @return its administration
     * @throws ControlException if there is no such host, none can be chosen here, or the runner has no administration
     */
    HandlerAdmin handlerAdmin(String host) throws ControlException;

    /**
     * This machine's kernel.
     *
     * @return its mapper
     */
    Mapper mapper();

    /**
     * The handlers to show in help.
     *
     * @return names, sorted
     */
    List<String> handlers();

    /**
     * Where results go.
     *
     * @return standard output
     */
    PrintStream out();

    /**
     * Where reasons and progress go.
     *
     * @return standard error
     */
    PrintStream err();

    /**
     * Whether somebody watches {@link #err()}, whatever becomes of {@link #out()}.
     *
     * @return true if it is a terminal
     */
    boolean terminal();

    /**
     * What is typed before commands, and stands before what they say.
     *
     * @return a program's name; empty in the runner's own shell, whose commands ask no other runner
     */
    default String program() {
        return "nbd-cli";
    }

    /**
     * Tells what is not as it should be.
     *
     * @param text one line
     */
    default void complain(String text) {
        err().println(program().isEmpty() ? text : program() + ": " + text);
    }
}
