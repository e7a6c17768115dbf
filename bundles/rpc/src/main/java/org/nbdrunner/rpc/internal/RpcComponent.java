package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.HandlerAdmin;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves the registry's control to the network. */
@Component(
        service = {},
        immediate = true,
        configurationPid = RpcComponent.PID)
@Designate(ocd = RpcComponent.Configuration.class)
public final class RpcComponent {
    static final String PID = "org.nbdrunner.rpc";

    private static final Logger LOG = LoggerFactory.getLogger(RpcComponent.class);

    /** The configuration. */
    @ObjectClassDefinition(name = "control service", description = "Where control is served; it has no authentication")
    public @interface Configuration {
        @AttributeDefinition(description = "Address of both listeners; 0.0.0.0 or :: for every address")
        String host() default "127.0.0.1";

        @AttributeDefinition(description = "TCP port of the control program")
        int port() default Program.PORT;

        @AttributeDefinition(description = "TCP port that tells the time of the start; 0 for none")
        int livenessPort() default 24109;

        @AttributeDefinition(description = "Control connections at once", min = "1")
        int maxConnections() default 64;

        @AttributeDefinition(description = "Seconds that a control connection may be silent", min = "1")
        int idleTimeout() default 60;

        @AttributeDefinition(description = "Whether rpcbind, where one runs, is told of the control program")
        boolean rpcbind() default true;

        @AttributeDefinition(
                description = "Whether handlers can be installed, upgraded and removed over the control program")
        boolean handlerAdministration() default false;
    }

    private final ControlServer server;
    private final LivenessServer liveness;
    private final PortMapper portMapper;

    /** Null if there is none. */
    @Reference(
            cardinality = ReferenceCardinality.OPTIONAL,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile HandlerAdmin handlerAdmin;

    /**
     * Listens.
     *
     * @param context keeps what clients upload
     * @param control what is served
     * @param configuration where and how
     * @throws IOException if an address cannot be listened on
     */
    @Activate
    public RpcComponent(BundleContext context, @Reference Control control, Configuration configuration)
            throws IOException {
        Administration administration = new Administration(
                configuration.handlerAdministration(),
                () -> handlerAdmin,
                context.getDataFile("uploads").toPath());
        server = control(control, administration, configuration);
        boolean started = false;
        try {
            liveness = configuration.livenessPort() == 0 ? null : liveness(configuration);
            started = true;
        } finally {
            if (!started) {
                server.close();
            }
        }
        portMapper = configuration.rpcbind() ? new PortMapper(server.port()) : null;
        LOG.info("Serving control on {}:{}", configuration.host(), server.port());
    }

    private static ControlServer control(Control control, Administration administration, Configuration c)
            throws IOException {
        try {
            return new ControlServer(
                    control,
                    administration,
                    address("port", c.host(), c.port()),
                    atLeastOne("maxConnections", c.maxConnections()),
                    atLeastOne("idleTimeout", c.idleTimeout()) * 1000);
        } catch (IOException e) {
            throw explained("port", e);
        }
    }

    private static LivenessServer liveness(Configuration c) throws IOException {
        try {
            return new LivenessServer(address("livenessPort", c.host(), c.livenessPort()));
        } catch (IOException e) {
            throw explained("livenessPort", e);
        }
    }

    private static IOException explained(String key, IOException e) {
        String remedy = e.getMessage().startsWith("cannot listen")
                ? "; is another nbd-runner running? Set " + key + " or host to another one"
                : "";
        return new IOException(PID + ": " + e.getMessage() + remedy, e);
    }

    private static int atLeastOne(String key, int value) throws IOException {
        if (value < 1) {
            throw new IOException(key + " is " + value + ", at least 1 is needed");
        }
        return value;
    }

    private static InetSocketAddress address(String key, String host, int port) throws IOException {
        if (port < 1 || port > 65535) {
            throw new IOException(key + " is " + port + ", 1 to 65535 are allowed");
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw new IOException("host " + host + " is not known; name an address of this machine", e);
        }
    }

    /** Stops serving. */
    @Deactivate
    public void deactivate() {
        if (portMapper != null) {
            portMapper.close();
        }
        server.close();
        if (liveness != null) {
            liveness.close();
        }
    }
}
