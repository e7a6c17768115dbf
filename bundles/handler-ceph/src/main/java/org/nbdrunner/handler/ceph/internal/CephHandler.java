package org.nbdrunner.handler.ceph.internal;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.Handler;
import org.nbdrunner.api.handler.HandlerName;
import org.nbdrunner.api.handler.OpenOptions;
import org.nbdrunner.api.handler.ProgressListener;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.api.handler.Volume;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** RBD images of Ceph clusters; a key is {@code POOL[/NAMESPACE]/IMAGE[@SNAP]}. */
@Component(
        immediate = true,
        configurationPid = CephHandler.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE,
        property = CephHandler.OPTIONAL)
@HandlerName("ceph")
@Designate(ocd = CephHandler.Config.class)
public final class CephHandler implements Handler {
    static final String PID = "org.nbdrunner.handler.ceph";

    /** Where Ceph's libraries are missing, nbd-runner starts without this handler. */
    static final String OPTIONAL = "nbd.start.optional:Boolean=true";

    /** The configuration. */
    @ObjectClassDefinition(name = "nbd-runner: Ceph handler", description = "RBD images as backstores")
    public @interface Config {

        /**
         * The configuration of the cluster.
         *
         * @return a path; empty for Ceph's usual places
         */
        @AttributeDefinition(
                name = "Configuration",
                description =
                        "The cluster's ceph.conf, where a backstore's option conf names no other; empty: CEPH_CONF in the"
                                + " environment, or /etc/ceph/CLUSTER.conf")
        String conf() default "";

        /**
         * The user.
         *
         * @return without {@code client.}
         */
        @AttributeDefinition(
                name = "User",
                description = "The Ceph user, without \"client.\", where a backstore's option id names no other")
        String id() default "admin";

        /**
         * The keyring.
         *
         * @return a path; empty for what the configuration says
         */
        @AttributeDefinition(
                name = "Keyring",
                description =
                        "The file with the user's key, where a backstore's option keyring names no other; empty: what"
                                + " ceph.conf says")
        String keyring() default "";

        /**
         * The cluster's name.
         *
         * @return of which paths are made
         */
        @AttributeDefinition(
                name = "Cluster",
                description =
                        "The cluster's name, of which Ceph makes the usual paths, where a backstore's option cluster names"
                                + " no other")
        String cluster() default "ceph";

        /**
         * How long to wait for the cluster when an image is created or deleted.
         *
         * @return seconds
         */
        @AttributeDefinition(
                name = "Timeout",
                description = "How many seconds the cluster may be silent while an image is created or deleted",
                min = "1")
        int timeout() default 30;

        /**
         * Whether to take an image from another client.
         *
         * @return true if so
         */
        @AttributeDefinition(
                name = "Take over",
                description =
                        "Whether an image that another client has locked is taken from it when it is opened for writing: its"
                                + " lock is broken and the cluster shuts it out. For standby runners that start when the"
                                + " other is known to be dead")
        boolean takeOver() default false;
    }

    private final Libraries libraries;
    private final ClusterName where;
    private final Opener opener;
    private final Images images;

    /**
     * A handler.
     *
     * @param config typed
     * @throws IOException if librados or librbd is missing; one line names the packages
     */
    @Activate
    public CephHandler(Config config) throws IOException {
        this(
                Libraries.load(),
                new ClusterName(config.conf(), config.id(), config.keyring(), config.cluster()),
                config.timeout(),
                config.takeOver());
    }

    CephHandler(Libraries libraries, ClusterName where, int timeout, boolean takeOver) throws IOException {
        if (timeout < 1) {
            throw new IOException(PID + ": timeout is " + timeout + ", at least 1 is needed");
        }
        this.libraries = libraries;
        this.where = where;
        Clusters clusters = new Clusters(libraries);
        Hanging hanging = new Hanging();
        opener = new Opener(libraries, clusters, hanging, takeOver);
        images = new Images(libraries, clusters, opener, hanging, Duration.ofSeconds(timeout));
    }

    @Override
    public Set<String> options() {
        return Set.of("conf", "id", "keyring", "cluster", "objsize", "features");
    }

    @Override
    public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
        images.create(
                where.with(cfg),
                ImageName.parse(cfg.key()).whole("create"),
                size,
                ImageFormat.of(cfg),
                preallocate,
                progress);
    }

    @Override
    public void delete(Cfgstring cfg) throws IOException {
        images.remove(where.with(cfg), ImageName.parse(cfg.key()).whole("delete"));
    }

    @Override
    public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
        OpenImage image =
                opener.open(where.with(cfg), ImageName.parse(cfg.key()), options.readOnly(), options.timeout());
        try {
            return CephVolume.of(libraries, image, opener::flushes);
        } catch (StorageException e) {
            throw e.errno() == Errno.EIO ? new StorageException(Errno.EIO, "cannot use " + cfg.key(), e) : e;
        }
    }
}
