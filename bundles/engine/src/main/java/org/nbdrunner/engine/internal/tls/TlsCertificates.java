package org.nbdrunner.engine.internal.tls;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificates of the server, in a directory laid out as qemu's and nbdkit's: {@code server-cert.pem}, {@code server-key.pem} and,
 * to tell clients, {@code ca-cert.pem}. Files that have changed are read again for the next client. For use by any thread.
 */
public final class TlsCertificates {
    private static final Logger LOG = LoggerFactory.getLogger(TlsCertificates.class);
    private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
    private static final char[] NO_PASSWORD = {};

    private final Path certificate;
    private final Path key;
    private final Path authority;
    private final boolean verifyPeer;
    private SSLContext context;
    private List<Long> loaded;

    /**
     * Reads the certificates.
     *
     * @param directory holds the files
     * @param verifyPeer whether a client must show a certificate that {@code ca-cert.pem} has signed
     * @throws IOException if a file is missing or is not what it should be; the message names it
     */
    public TlsCertificates(Path directory, boolean verifyPeer) throws IOException {
        certificate = directory.resolve("server-cert.pem");
        key = directory.resolve("server-key.pem");
        authority = directory.resolve("ca-cert.pem");
        this.verifyPeer = verifyPeer;
        loaded = stamps();
        context = load();
    }

    /**
     * An engine for one connection, with the certificates as they are now.
     *
     * @return an engine of the server's side, TLS 1.2 or 1.3
     */
    public synchronized SSLEngine engine() {
        try {
            List<Long> now = stamps();
            if (!now.equals(loaded)) {
                loaded = now; // tried once, whatever comes of it
                context = load();
                LOG.info("The TLS certificates in {} have been read again", certificate.getParent());
            }
        } catch (IOException e) {
            LOG.error("The changed TLS certificates cannot be used, the earlier ones go on: {}", e.getMessage());
        }
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        engine.setEnabledProtocols(PROTOCOLS);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setCipherSuites(cheapestFirst(parameters.getCipherSuites()));
        parameters.setUseCipherSuitesOrder(true);
        engine.setSSLParameters(parameters);
        engine.setNeedClientAuth(verifyPeer);
        return engine;
    }

    /** AES with 128 bits takes ten rounds, with 256 fourteen; both are beyond reach. */
    private static String[] cheapestFirst(String[] suites) {
        String[] sorted = suites.clone();
        Arrays.sort(sorted, Comparator.comparing(suite -> !suite.contains("AES_128_GCM"))); // stable
        return sorted;
    }

    private List<Long> stamps() throws IOException {
        List<Long> stamps = new ArrayList<>();
        for (Path p : verifyPeer ? List.of(certificate, key, authority) : List.of(certificate, key)) {
            if (!Files.isReadable(p)) {
                throw new IOException("the TLS file " + p + " is missing or cannot be read");
            }
            stamps.add(Files.getLastModifiedTime(p).toMillis());
            stamps.add(Files.size(p));
        }
        return stamps;
    }

    private SSLContext load() throws IOException {
        try {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(null, null);
            keys.setKeyEntry("server", Pem.key(key), NO_PASSWORD, Pem.certificates(certificate));
            KeyManagerFactory keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keyManagers.init(keys, NO_PASSWORD);
            TrustManager[] trust = null;
            if (verifyPeer) {
                KeyStore authorities = KeyStore.getInstance("PKCS12");
                authorities.load(null, null);
                int i = 0;
                for (X509Certificate c : Pem.certificates(authority)) {
                    authorities.setCertificateEntry("ca" + i++, c);
                }
                TrustManagerFactory trustManagers =
                        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                trustManagers.init(authorities);
                trust = trustManagers.getTrustManagers();
            }
            SSLContext made = SSLContext.getInstance("TLS");
            made.init(keyManagers.getKeyManagers(), trust, null);
            return made;
        } catch (GeneralSecurityException e) {
            throw new IOException(
                    "the TLS certificates in " + certificate.getParent() + " cannot be used: " + e.getMessage(), e);
        }
    }
}
