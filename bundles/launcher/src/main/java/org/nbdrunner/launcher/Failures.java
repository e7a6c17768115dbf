package org.nbdrunner.launcher;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes one line of a failure: the message of the outermost exception that is not a mere wrapper. */
final class Failures {
    private static final Pattern WRAPPER = Pattern.compile("(?:java\\.lang\\.reflect\\.InvocationTargetException"
            + "|java\\.io\\.UncheckedIOException"
            + "|org\\.osgi\\.framework\\.BundleException"
            + "|org\\.osgi\\.service\\.component\\.ComponentException)\\b.*");

    /** Exceptions whose whole message is a file's name. */
    private static final Pattern FILE = Pattern.compile("java\\.nio\\.file\\.(\\w+)Exception: ([^:]+)");

    /** Exceptions that are thrown with a message for people. */
    private static final Pattern SPEAKING = Pattern.compile(
            "[\\w.$]*(?:IO|Bind|IllegalState|IllegalArgument|Bundle|Component|Start|Storage)Exception: (.+)");

    private static final String CAUSE = "Caused by: ";

    private Failures() {}

    /**
     * What an exception means.
     *
     * @param failure the exception
     * @return one line
     */
    static String line(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        return lineOfTrace(trace.toString());
    }

    /**
     * What a printed stack trace means.
     *
     * @param trace as {@link Throwable#printStackTrace()} prints it
     * @return one line; begins with the exception's name if its message was not made for people
     */
    static String lineOfTrace(String trace) {
        List<String> chain = trace.lines()
                .filter(line -> !line.isBlank() && !Character.isWhitespace(line.charAt(0)))
                .map(line -> line.startsWith(CAUSE) ? line.substring(CAUSE.length()) : line)
                .toList();
        String line = chain.stream()
                .filter(candidate -> !WRAPPER.matcher(candidate).matches())
                .findFirst()
                .orElseGet(() -> chain.isEmpty() ? "unknown failure" : chain.get(chain.size() - 1));
        return message(line);
    }

    private static String message(String line) {
        Matcher file = FILE.matcher(line);
        if (file.matches()) {
            return switch (file.group(1)) {
                case "NoSuchFile" -> file.group(2) + " does not exist";
                case "AccessDenied" -> "permission denied for " + file.group(2);
                default -> line;
            };
        }
        Matcher exception = SPEAKING.matcher(line);
        return exception.matches() ? exception.group(1) : line;
    }
}
