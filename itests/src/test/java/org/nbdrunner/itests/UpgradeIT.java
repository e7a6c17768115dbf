package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import org.junit.Test;

/** A handler is upgraded while fio writes to disks of it and verifies what it reads. */
public class UpgradeIT {
    private static final String FILE = "org.nbdrunner.handler.file";
    private static final int UPGRADES = 4;
    private static final int SECONDS = 30;

    @Test
    public void noErrorAndNoLostWrite() throws Exception {
        try (Runner runner = new Runner()) {
            runner.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
            runner.start();
            runner.cli("file", "create", "disk", "size", "64M").ok();
            Path jar = runner.home.resolve("newer.jar");
            try (Fio fio = new Fio(runner.uri("file/disk"), SECONDS)) {
                for (int i = 2; i < UPGRADES + 2; i++) {
                    String version = i + ".0.0";
                    Versions.make(Versions.shipped(FILE), version, jar);
                    assertEquals(
                            "file " + version + "\n",
                            runner.cli("handler", "upgrade", jar.toString())
                                    .ok()
                                    .out());
                }
                Versions.make(Versions.shipped(FILE), "99.0.0", jar);
                Files.move(jar, runner.home.resolve("deploy/" + FILE + ".jar"), StandardCopyOption.REPLACE_EXISTING);
                Runner.await("the file in deploy/", 60, () -> runner.log().contains(FILE + " 99.0.0 now"));
                fio.assertRunning();
                Fio.Outcome outcome = fio.end();
                System.out.println(UPGRADES + 1 + " upgrades under load: " + outcome);
            }
            runner.stop();
        }
    }
}
