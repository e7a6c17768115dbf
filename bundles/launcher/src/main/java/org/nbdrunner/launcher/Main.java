package org.nbdrunner.launcher;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The program {@code nbd-runner}. The start script gives it the directories as system properties: {@code nbd.home}, {@code nbd.data}.
 *
 * <p>Exit codes: 0 after a clean stop, on SIGTERM and SIGINT too; 1 if it cannot start or stop, or could not close a
 * volume properly at its stop; 2 for a wrong command line.
 */
public final class Main {
    static final int SUCCESS = 0;
    static final int FAILURE = 1;
    static final int USAGE = 2;

    private Main() {}

    /**
     * Runs the program.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        Options options;
        try {
            options = Options.parse(List.of(args));
        } catch (UsageException e) {
            System.err.println("nbd-runner: " + e.getMessage() + "; see nbd-runner --help");
            System.exit(USAGE);
            return;
        }
        switch (options.action()) {
            case HELP -> System.out.print(Options.HELP);
            case VERSION -> System.out.println("nbd-runner " + version());
            case RUN -> run(options);
        }
    }

    private static void run(Options options) {
        Ending ending = null;
        int code = FAILURE;
        String complaint = "";
        try {
            Layout layout = new Layout(directory(Settings.HOME), directory(Settings.DATA));
            Settings settings = Settings.load(layout, options.properties());
            ending = new Ending(settings.stopTimeout());
            complaint = new Runner(layout, settings, version()).run(ending);
            if (complaint.isEmpty()) {
                code = SUCCESS;
            }
        } catch (StartException | IOException e) {
            complaint = Failures.line(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            complaint = "interrupted";
        } catch (RuntimeException | Error e) {
            // Not foreseen, so everything about it is of interest.
            e.printStackTrace();
            complaint = "cannot go on after " + e;
        }
        if (ending == null || ending.decide()) {
            if (!complaint.isEmpty()) {
                System.err.println("nbd-runner: " + complaint);
            }
            // The framework's threads would keep the process alive.
            System.exit(code);
        }
    }

    private static Path directory(String property) throws StartException {
        String value = System.getProperty(property, "");
        if (value.isEmpty()) {
            throw new StartException("the system property " + property + " is not set: start bin/nbd-runner");
        }
        return Path.of(value).toAbsolutePath().normalize();
    }

    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "of unknown version" : version;
    }
}
