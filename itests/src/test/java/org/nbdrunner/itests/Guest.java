package org.nbdrunner.itests;

import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A machine with a real kernel and its {@code nbd.ko}: see services/vm.sh. */
final class Guest {
    private static final String LIMIT_S = "280";

    /** Where a guest finds this machine's loopback. */
    private static final String THIS_MACHINE = "10.0.2.2";

    private Guest() {}

    /** Runs a script of guest/, which ends with "== done", and returns what it printed. */
    static String run(String script, String... arguments) throws IOException, InterruptedException {
        return run(List.of(), script, arguments);
    }

    private static String run(List<String> options, String script, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Runner.ITESTS.resolve("services/vm.sh").toString(), "run", "--timeout", LIMIT_S));
        command.addAll(options);
        command.add("--");
        command.add(Runner.ITESTS.resolve("guest").resolve(script).toString());
        command.addAll(List.of(arguments));
        Tool.Result r = Tool.run(Map.of(), command).ok();
        assertTrue(r.toString(), r.out().contains("== done"));
        return r.out();
    }

    /** Creates, maps, uses and deletes a backstore of a runner on this machine. */
    static void uses(Runner runner, String handler, String cfgstring) throws IOException, InterruptedException {
        run(
                List.of("--net"),
                "remote.sh",
                runner.home.toString(),
                THIS_MACHINE + ":" + runner.controlPort,
                handler,
                cfgstring);
    }
}
