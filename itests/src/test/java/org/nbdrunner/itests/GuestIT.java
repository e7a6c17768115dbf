package org.nbdrunner.itests;

import static org.junit.Assert.assertTrue;

import java.nio.file.Path;
import org.junit.Test;

/** The whole of it with a real kernel, in a guest. */
public class GuestIT {

    @Test
    public void fromCreateToAMountedFileSystem() throws Exception {
        try (Runner runner = new Runner()) {
            // The guest has its own loopback: there the usual ports are free.
            for (String pid : new String[] {"org.nbdrunner.engine", "org.nbdrunner.rpc"}) {
                java.nio.file.Files.copy(
                        Runner.DISTRIBUTION.resolve("conf/" + pid + ".cfg"),
                        runner.home.resolve("conf/" + pid + ".cfg"),
                        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            }
            Path services = Runner.ITESTS.resolve("services");
            Tool.Result r = Tool.run(
                            services.resolve("vm.sh").toString(),
                            "run",
                            "--timeout",
                            "280",
                            "--",
                            Runner.ITESTS.resolve("guest/session.sh").toString(),
                            runner.home.toString())
                    .ok();
            assertTrue(r.toString(), r.out().contains("== done"));
        }
    }

    @Test
    public void theMapperAlone() throws Exception {
        Tool.run(Runner.ITESTS.resolve("guest/netlink.sh").toString()).ok();
    }
}
