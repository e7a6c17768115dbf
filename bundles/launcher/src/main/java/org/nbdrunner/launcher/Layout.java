package org.nbdrunner.launcher;

import java.nio.file.Path;

/**
 * Where things are.
 *
 * @param home the unpacked distribution
 * @param data the directory for state and logs
 */
record Layout(Path home, Path data) {

    Path conf() {
        return home.resolve("conf");
    }

    Path properties() {
        return conf().resolve("nbd-runner.properties");
    }

    Path features() {
        return home.resolve("features");
    }

    Path system() {
        return home.resolve("system");
    }

    Path deploy() {
        return home.resolve("deploy");
    }

    /**
     * A file as messages name it.
     *
     * @param file any file
     * @return relative to the home if it is below it
     */
    Path display(Path file) {
        return file.startsWith(home) ? home.relativize(file) : file;
    }
}
