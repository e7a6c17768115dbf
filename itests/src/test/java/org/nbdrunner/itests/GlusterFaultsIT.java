package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.AfterClass;
import org.junit.BeforeClass;
import org.junit.Test;

/** Bricks are killed, hang, and come back, while fio writes to files on them and verifies what it reads. */
public class GlusterFaultsIT {
    private static final int LOAD_S = 120;

    private static Runner runner;

    @BeforeClass
    public static void start() throws Exception {
        Gluster.start(Gluster.PLAIN);
        Gluster.start(Gluster.REPLICA);
        runner = runner("60");
    }

    @AfterClass
    public static void stop() throws Exception {
        runner.stop();
        runner.close();
    }

    private static Runner runner(String timeout) throws Exception {
        Runner r = new Runner();
        r.configure("org.nbdrunner.rpc", Map.of("handlerAdministration", "true"));
        r.configure("org.nbdrunner.registry", Map.of("timeout", timeout));
        r.start();
        r.cli("handler", "install", "handler-gluster").ok();
        return r;
    }

    /** Writes behind what fio writes and verifies. */
    private static void writeAndFlush(String uri) throws IOException, InterruptedException {
        try (Client c = new Client(uri, "h.pwrite(b'w' * 4096, " + Fio.SIZE + ")", "h.flush()")) {
            c.go().end();
        }
    }

    @Test
    public void oneBrickThatComesBackCostsAPauseAndNoError() throws Exception {
        runner.cli("gluster", "create", "plain/faults", "size", "65M").ok();
        String uri = runner.uri("gluster/plain/faults");
        // Whoever comes while the brick is away is told so; this one is there before.
        try (Client there = new Client(uri, "h.flush()");
                Fio fio = new Fio(uri, LOAD_S)) {
            Gluster.run(Gluster.PLAIN, "kill-brick");
            Gluster.run(Gluster.PLAIN, "start-brick");
            writeAndFlush(uri);
            fio.assertRunning();
            try (Client waits = new Client(uri, "h.pread(1 << 20, 32 << 20)", "h.flush()")) {
                Gluster.run(Gluster.PLAIN, "pause-brick");
                try {
                    waits.go();
                    // Longer than the volume's ping timeout: GlusterFS gives up the connection meanwhile.
                    assertFalse("a brick that hangs answers", waits.endsIn(8));
                } finally {
                    Gluster.run(Gluster.PLAIN, "resume-brick");
                }
                waits.end();
            }
            fio.assertRunning();
            Gluster.run(Gluster.PLAIN, "cli", "volume", "stop", Gluster.PLAIN);
            Gluster.run(Gluster.PLAIN, "start-brick");
            writeAndFlush(uri);
            fio.assertRunning();
            there.go().end();
            System.out.println("a brick killed, hung, and stopped under load: " + fio.end());
        }
    }

    @Test
    public void writesThatWereAcknowledgedSurviveABrick() throws Exception {
        runner.cli("gluster", "create", "plain/acknowledged", "size", "64M").ok();
        String uri = runner.uri("gluster/plain/acknowledged");
        try (Client c = new Client(uri, "h.pwrite(b'b' * 65536, 0)", "print('written', flush=True)", "h.flush()")) {
            Gluster.run(Gluster.PLAIN, "kill-brick");
            // GlusterFS takes this into its cache, and loses it to no brick's absence.
            assertEquals("written", c.go().says());
            Gluster.run(Gluster.PLAIN, "start-brick");
            c.end();
        }
        Path stored = Gluster.brick(Gluster.PLAIN, 1).resolve("acknowledged");
        assertTrue(Files.readString(stored, StandardCharsets.ISO_8859_1).startsWith("b".repeat(65536)));
    }

    @Test
    public void oneOfThreeCopiesIsNotMissed() throws Exception {
        runner.cli("gluster", "create", "replica/faults", "size", "65M").ok();
        String uri = runner.uri("gluster/replica/faults");
        try (Fio fio = new Fio(uri, LOAD_S)) {
            Gluster.run(Gluster.REPLICA, "kill-brick", "2");
            writeAndFlush(uri);
            Gluster.run(Gluster.REPLICA, "start-brick");
            fio.assertRunning();
            System.out.println("one of three bricks killed under load: " + fio.end());
        }
    }

    @Test
    public void aBrickThatStaysAwayFailsItsVolumeAlone() throws Exception {
        try (Runner impatient = runner("5")) {
            impatient.cli("gluster", "create", "plain/dead", "size", "65M").ok();
            impatient.cli("gluster", "create", "replica/lives", "size", "64M").ok();
            String dead = impatient.uri("gluster/plain/dead");
            try (Fio fio = new Fio(impatient.uri("gluster/replica/lives"), LOAD_S)) {
                try (Client c = new Client(
                        dead, "try:", "    h.pread(4096, 1 << 20)", "except nbd.Error as e:", "    print(e.errno)")) {
                    Gluster.run(Gluster.PLAIN, "kill-brick");
                    assertEquals("EIO", c.go().end());
                }
                fio.assertRunning();
                fio.end();
            } finally {
                Gluster.run(Gluster.PLAIN, "start-brick");
            }
            // The volume that failed works again.
            writeAndFlush(dead);
            impatient.stop();
        }
    }

    @Test
    public void aHungServerConcernsNewConnectionsAlone() throws Exception {
        runner.cli("gluster", "create", "plain/connected", "size", "65M").ok();
        String uri = runner.uri("gluster/plain/connected");
        try (Runner late = runner("60");
                Fio fio = new Fio(uri, LOAD_S)) {
            Gluster.run(Gluster.PLAIN, "pause-glusterd");
            try {
                Tool.Result refused = late.cli("gluster", "create", "plain/late", "size", "1M");
                assertTrue(
                        refused.toString(), refused.exit() != 0 && refused.err().contains("whether glusterd works"));
                late.cli("dummy", "create", "disk", "size", "1M").ok();
                runner.cli("gluster", "create", "plain/more", "size", "1M").ok();
                writeAndFlush(uri);
                fio.assertRunning();
            } finally {
                Gluster.run(Gluster.PLAIN, "resume-glusterd");
            }
            late.cli("gluster", "create", "plain/late", "size", "1M").ok();
            fio.end();
            late.stop();
        }
    }
}
