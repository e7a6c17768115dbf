package org.nbdrunner.itests;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** What NBD is spoken over but plain TCP: TLS, Unix-domain sockets and sockets that were passed, with clients of others. */
public class TransportsIT {
    private static final int SIZE = 8 << 20;

    private Runner runner;
    private Path work;

    @Before
    public void prepare() throws Exception {
        runner = new Runner();
        work = Files.createTempDirectory("transports");
    }

    @After
    public void clean() throws Exception {
        runner.stop();
        runner.close();
        Runner.delete(work);
    }

    private void openssl(Path directory, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("openssl"));
        command.addAll(List.of(words));
        Tool.run(directory, Map.of(), command).ok();
    }

    /**
     * An authority, and what it has signed: for localhost and for a client. With RSA, Debian's GnuTLS would not show its certificate to Java
     * 25, which tells by an extension of its own that it takes RSA's signatures in certificates.
     */
    private Path certificates(String name) throws IOException, InterruptedException {
        Path pki = Files.createDirectory(work.resolve(name));
        Files.writeString(pki.resolve("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
        openssl(
                pki,
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=" + name,
                "-keyout",
                "ca-key.pem",
                "-out",
                "ca-cert.pem");
        for (String who : List.of("server", "client")) {
            openssl(
                    pki,
                    "req",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-subj",
                    "/CN=" + who,
                    "-keyout",
                    who + "-key.pem",
                    "-out",
                    who + ".csr");
            openssl(
                    pki,
                    "x509",
                    "-req",
                    "-in",
                    who + ".csr",
                    "-CA",
                    "ca-cert.pem",
                    "-CAkey",
                    "ca-key.pem",
                    "-CAcreateserial",
                    "-days",
                    "2",
                    "-extfile",
                    "names",
                    "-out",
                    who + "-cert.pem");
        }
        return pki;
    }

    private String secure(String export, Path pki) {
        return "nbds://localhost:" + runner.port + "/" + export + "?tls-certificates=" + pki;
    }

    private Path random(String name) throws IOException {
        byte[] bytes = new byte[SIZE];
        new Random(1).nextBytes(bytes);
        return Files.write(work.resolve(name), bytes);
    }

    private void roundTrip(String uri) throws IOException, InterruptedException {
        Path source = random("source");
        Path copy = work.resolve("copy");
        Tool.run("nbdcopy", "--connections=4", source.toString(), uri).ok();
        Tool.run("nbdcopy", "--connections=4", uri, copy.toString()).ok();
        assertArrayEquals(Files.readAllBytes(source), Files.readAllBytes(copy));
    }

    @Test
    public void tls() throws Exception {
        Path pki = certificates("first");
        Path served = Files.createDirectory(work.resolve("served"));
        for (String file : List.of("ca-cert.pem", "server-cert.pem", "server-key.pem")) {
            Files.copy(pki.resolve(file), served.resolve(file));
        }
        Path nobody = Files.createDirectory(work.resolve("nobody"));
        Files.copy(pki.resolve("ca-cert.pem"), nobody.resolve("ca-cert.pem"));
        runner.configure(
                "org.nbdrunner.engine",
                Map.of("tls", "require", "tlsDirectory", served.toString(), "tlsVerifyPeer", "true"));
        runner.start();
        runner.cli("dummy", "create", "disk", "size", "" + SIZE).ok();

        String info = Tool.run("nbdinfo", secure("dummy/disk", pki)).ok().out();
        assertTrue(info, info.contains("with TLS"));
        assertNotEquals(0, Tool.run("nbdinfo", runner.uri("dummy/disk")).exit());
        assertNotEquals(
                "a client needs a certificate",
                0,
                Tool.run("nbdinfo", secure("dummy/disk", nobody)).exit());
        roundTrip(secure("dummy/disk", pki));
        Tool.run(
                        "qemu-img",
                        "compare",
                        "--object",
                        "tls-creds-x509,id=tls,endpoint=client,dir=" + pki,
                        "--image-opts",
                        "driver=nbd,host=localhost,port=" + runner.port + ",export=dummy/disk,tls-creds=tls",
                        "driver=file,filename=" + work.resolve("source"))
                .ok();

        // Another authority takes over, and nothing is restarted.
        Path other = certificates("second");
        for (String file : List.of("server-key.pem", "server-cert.pem", "ca-cert.pem")) {
            Files.copy(other.resolve(file), served.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
        Tool.run("nbdinfo", secure("dummy/disk", other)).ok();
        assertNotEquals(0, Tool.run("nbdinfo", secure("dummy/disk", pki)).exit());
    }

    @Test
    public void unixSocket() throws Exception {
        Path socket = work.resolve("nbd.sock");
        runner.configure("org.nbdrunner.engine", Map.of("unixSocket", socket.toString(), "port", "0"));
        runner.start();
        runner.cli("file", "create", "disk", "size", "" + Fio.SIZE).ok();
        String uri = "nbd+unix:///file/disk?socket=" + socket;
        assertEquals(Fio.SIZE + "\n", Tool.run("nbdinfo", "--size", uri).ok().out());
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 1M 1M", "-c", "read -P 7 1M 1M", uri)
                .ok();
        try (Fio fio = new Fio(uri, 5)) {
            System.out.println("Unix-domain socket: " + fio.complete());
        }
        runner.stop();
        assertTrue("the socket is removed", Files.notExists(socket));
    }

    @Test
    public void socketActivation() throws Exception {
        runner.start();
        runner.cli("file", "create", "disk", "size", "" + SIZE).ok();
        runner.stop();
        String start = runner.home.resolve("bin/nbd-runner").toString();
        String list = Tool.run("nbdinfo", "--list", "--", "[", start, "]").ok().out();
        assertTrue(list, list.contains("export=\"file/disk\""));
    }
}
