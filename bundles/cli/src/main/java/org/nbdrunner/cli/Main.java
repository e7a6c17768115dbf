package org.nbdrunner.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.nbdrunner.commands.Commands;

/** The program {@code nbd-cli}: runs one command against a runner somewhere. */
public final class Main {
    private Main() {}

    /**
     * Runs a command and exits with its status.
     *
     * @param args the command's words
     */
    public static void main(String[] args) {
        int status;
        try (RemoteEnvironment environment =
                new RemoteEnvironment(stream(FileDescriptor.out), stream(FileDescriptor.err))) {
            status = new Commands(environment).run(List.of(args));
            if (environment.out().checkError() && status == Commands.DONE) {
                environment.err().println("nbd-cli: standard output cannot be written: is its device full?");
                status = Commands.FAILED;
            }
        }
        System.exit(status);
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }
}
