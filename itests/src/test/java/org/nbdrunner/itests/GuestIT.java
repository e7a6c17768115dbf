package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import org.junit.Test;

/** The whole of it with a real kernel, in a guest. */
public class GuestIT {
    private static final int UPGRADES = 3;

    @Test
    public void fromCreateToAMountedFileSystem() throws Exception {
        try (Runner runner = runner()) {
            Guest.run("session.sh", runner.home.toString());
        }
    }

    @Test
    public void aMountOutlivesItsRunner() throws Exception {
        try (Runner runner = runner()) {
            Guest.run("restarts.sh", runner.home.toString());
        }
    }

    @Test
    public void aDeviceFollowsItsBackstoresSize() throws Exception {
        try (Runner runner = runner()) {
            Guest.run("resize.sh", runner.home.toString());
        }
    }

    @Test
    public void upgradesUnderLoadFromTheKernel() throws Exception {
        try (Runner runner = runner()) {
            runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            // A machine that emulates another one is slow.
            runner.configure("org.nbdrunner.deployer", Map.of("startTimeout", "60"));
            String[] arguments = new String[UPGRADES + 1];
            arguments[0] = runner.home.toString();
            for (int i = 1; i <= UPGRADES; i++) {
                Path jar = runner.home.resolve("newer-" + i + ".jar");
                Versions.make(Versions.shipped("org.nbdrunner.handler.file"), (i + 1) + ".0.0", jar);
                arguments[i] = jar.toString();
            }
            System.out.println(Guest.run("upgrade.sh", arguments));
        }
    }

    private static Runner runner() throws IOException {
        Runner runner = new Runner();
        // The guest has its own loopback: there the usual ports are free.
        for (String pid : new String[] {"org.nbdrunner.engine", "org.nbdrunner.rpc"}) {
            Files.copy(
                    Runner.DISTRIBUTION.resolve("conf/" + pid + ".cfg"),
                    runner.home.resolve("conf/" + pid + ".cfg"),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        return runner;
    }

    @Test
    public void theMapperAlone() throws Exception {
        Tool.run(Runner.ITESTS.resolve("guest/netlink.sh").toString()).ok();
    }
}
