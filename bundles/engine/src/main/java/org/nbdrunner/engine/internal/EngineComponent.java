package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.IoEndpoint;
import org.nbdrunner.engine.internal.handshake.Handshake;
import org.nbdrunner.engine.internal.handshake.LegacyHandshake;
import org.nbdrunner.engine.internal.handshake.NewstyleHandshake;
import org.nbdrunner.engine.internal.handshake.TlsPolicy;
import org.nbdrunner.engine.internal.tls.TlsCertificates;
import org.nbdrunner.engine.internal.tls.TlsMode;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts the engine with its configuration, over the exports of the registry. */
@Component(
        service = {},
        immediate = true,
        configurationPid = EngineComponent.PID)
@Designate(ocd = EngineComponent.Configuration.class)
public final class EngineComponent {
    static final String PID = "org.nbdrunner.engine";

    private static final Logger LOG = LoggerFactory.getLogger(EngineComponent.class);

    /** The configuration. */
    @ObjectClassDefinition(name = "NBD IO engine", description = "Where NBD is served, and the limits for clients")
    public @interface Configuration {
        @AttributeDefinition(description = "Address of both listeners; 0.0.0.0 or :: for every address")
        String host() default "127.0.0.1";

        @AttributeDefinition(description = "TCP port of the newstyle protocol, for any NBD client; 0 for none")
        int port() default 10809;

        @AttributeDefinition(description = "TCP port of the legacy protocol, for mappings made by nbd-cli; 0 for none")
        int legacyPort() default 24111;

        @AttributeDefinition(description = "Path of a Unix-domain socket for the newstyle protocol; empty for none")
        String unixSocket() default "";

        @AttributeDefinition(
                description =
                        "Whether the newstyle protocol is also served on a socket that systemd, or a program like it,"
                                + " has passed")
        boolean socketActivation() default true;

        @AttributeDefinition(
                description =
                        "TLS for the newstyle protocol: off; on, as the client likes; require. Unix-domain sockets and the"
                                + " legacy protocol have none")
        String tls() default "off";

        @AttributeDefinition(
                description =
                        "Directory of server-cert.pem, server-key.pem and ca-cert.pem; changed files are read again")
        String tlsDirectory() default "";

        @AttributeDefinition(description = "Whether TLS clients must show a certificate signed by ca-cert.pem")
        boolean tlsVerifyPeer() default false;

        @AttributeDefinition(description = "Connections at once; further ones are turned away", min = "1")
        int maxConnections() default 4096;

        @AttributeDefinition(
                description = "MiB of payload that one connection may have in flight; past it, its socket is not read",
                min = "32")
        int connectionMemory() default 64;

        @AttributeDefinition(description = "Requests that one connection may have in flight", min = "1")
        int maxRequests() default 1024;

        @AttributeDefinition(description = "Seconds that a client may take for its handshake", min = "1")
        int handshakeTimeout() default 30;

        @AttributeDefinition(description = "Seconds that requests in flight may take when the engine stops", min = "0")
        int drainTimeout() default 20;
    }

    private final NbdServer server;
    private ServiceRegistration<IoEndpoint> endpoint;
    private Path unixSocket;

    /**
     * Listens.
     *
     * @param context registers the endpoint
     * @param exports what is served
     * @param configuration where and how
     * @throws IOException if an address cannot be listened on
     */
    @Activate
    public EngineComponent(BundleContext context, @Reference Exports exports, Configuration configuration)
            throws IOException {
        server = new NbdServer(new EngineSettings(
                atLeast("maxConnections", configuration.maxConnections(), 1),
                (long) atLeast("connectionMemory", configuration.connectionMemory(), 32) << 20,
                atLeast("maxRequests", configuration.maxRequests(), 1),
                Duration.ofSeconds(atLeast("handshakeTimeout", configuration.handshakeTimeout(), 1)),
                Duration.ofSeconds(atLeast("drainTimeout", configuration.drainTimeout(), 0))));
        boolean started = false;
        try {
            TlsPolicy tls = tls(configuration);
            listen("port", configuration.host(), configuration.port(), () -> new NewstyleHandshake(exports, tls));
            if (!configuration.unixSocket().isEmpty()) {
                unixSocket = Path.of(configuration.unixSocket());
                listenUnix(unixSocket, () -> new NewstyleHandshake(exports));
            }
            if (configuration.socketActivation()) {
                inherit(() -> new NewstyleHandshake(exports, tls));
            }
            listen("legacyPort", configuration.host(), configuration.legacyPort(), () -> new LegacyHandshake(exports));
            if (configuration.legacyPort() != 0) {
                InetAddress address = address(configuration.host());
                endpoint = context.registerService(
                        IoEndpoint.class,
                        new Endpoint(
                                address.isAnyLocalAddress() ? "" : configuration.host(), configuration.legacyPort()),
                        FrameworkUtil.asDictionary(Map.of("nbd.port", configuration.port())));
            }
            started = true;
        } finally {
            if (!started) {
                server.close();
            }
        }
    }

    /** Stops: what is in flight is answered first. */
    @Deactivate
    public void deactivate() {
        if (endpoint != null) {
            endpoint.unregister();
        }
        server.close();
        if (unixSocket != null) {
            try {
                Files.deleteIfExists(unixSocket);
            } catch (IOException e) {
                LOG.warn("{}: the socket {} stays behind: {}", PID, unixSocket, e.toString());
            }
        }
    }

    private static TlsPolicy tls(Configuration configuration) throws IOException {
        TlsMode mode;
        try {
            mode = TlsMode.valueOf(configuration.tls().toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IOException(PID + ": tls is " + configuration.tls() + ", off, on or require are allowed", e);
        }
        if (mode == TlsMode.OFF) {
            return TlsPolicy.OFF;
        }
        if (configuration.tlsDirectory().isEmpty()) {
            throw new IOException(PID + ": tls is " + configuration.tls() + ", so tlsDirectory must name a directory");
        }
        try {
            return new TlsPolicy(
                    mode,
                    new TlsCertificates(Path.of(configuration.tlsDirectory()), configuration.tlsVerifyPeer())::engine);
        } catch (IOException e) {
            throw new IOException(PID + ": " + e.getMessage(), e);
        }
    }

    private void listenUnix(Path path, Supplier<Handshake> handshake) throws IOException {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.connect(address);
            throw new BindException(PID + ": unixSocket " + path + " is served by another program");
        } catch (BindException e) {
            throw e;
        } catch (IOException e) {
            LOG.debug("Nobody serves {}: {}", path, e.toString());
            removeStale(path);
        }
        try {
            LOG.info("Serving NBD on {} (unixSocket)", server.listen(address, handshake));
        } catch (IOException e) {
            throw new IOException(
                    PID + ": " + e.getMessage() + "; set unixSocket to a path in a directory that exists", e);
        }
    }

    /** A socket that nobody listens on is what a killed server leaves; anything else is not ours to remove. */
    private static void removeStale(Path path) throws IOException {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther()) {
                throw new IOException(PID + ": unixSocket " + path + " exists and is no socket; set another path");
            }
            Files.delete(path);
        }
    }

    private void inherit(Supplier<Handshake> handshake) throws IOException {
        Channel channel = System.inheritedChannel();
        if (channel == null || !channel.isOpen()) {
            LOG.debug(
                    "No open socket was passed"); // or it was, and an earlier configuration of the engine has closed it
        } else if (channel instanceof ServerSocketChannel listener) {
            server.serve(listener, handshake);
            LOG.info("Serving NBD on {} (socketActivation)", listener.getLocalAddress());
        } else if (channel instanceof SocketChannel client) {
            server.serve(client, handshake);
            LOG.info("Serving NBD to the client on standard input (socketActivation)");
        }
    }

    private void listen(String key, String host, int port, Supplier<Handshake> handshake) throws IOException {
        if (port == 0) {
            return;
        }
        if (port < 0 || port > 65535) {
            throw new IOException(PID + ": " + key + " is " + port + ", 0 to 65535 are allowed");
        }
        try {
            LOG.info(
                    "Serving NBD on {} ({})",
                    server.listen(new InetSocketAddress(address(host), port), handshake),
                    key);
        } catch (IOException e) {
            throw new IOException(
                    PID + ": " + e.getMessage() + "; is another server running there? Set " + key
                            + " or host to another one",
                    e);
        }
    }

    private static InetAddress address(String host) throws IOException {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IOException(PID + ": host " + host + " is not known; name an address of this machine", e);
        }
    }

    private static int atLeast(String key, int value, int least) throws IOException {
        if (value < least) {
            throw new IOException(PID + ": " + key + " is " + value + ", at least " + least + " is needed");
        }
        return value;
    }

    private record Endpoint(String host, int port) implements IoEndpoint {}
}
