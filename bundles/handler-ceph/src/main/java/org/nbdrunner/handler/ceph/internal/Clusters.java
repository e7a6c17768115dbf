package org.nbdrunner.handler.ceph.internal;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.nbdrunner.api.handler.StorageException;

/** The connections: one for each {@link ClusterName}, as long as something uses it. */
final class Clusters {
    private final Libraries libraries;
    private final Map<ClusterName, Cluster> connections = new HashMap<>();

    Clusters(Libraries libraries) {
        this.libraries = libraries;
    }

    /**
     * Gets a connection, for which {@link #release} must be called. Waits for a monitor.
     *
     * @param name which
     * @param limit how long to wait
     * @return connected
     * @throws StorageException if that cannot be
     */
    Cluster acquire(ClusterName name, Duration limit) throws StorageException {
        Cluster cluster;
        synchronized (connections) {
            cluster = connections.computeIfAbsent(name, n -> new Cluster(libraries, n));
            cluster.users++;
        }
        boolean done = false;
        try {
            cluster.connect(limit);
            done = true;
        } finally {
            if (!done) {
                release(cluster);
            }
        }
        return cluster;
    }

    /** Gives a connection back. The last user ends it, which may wait for the cluster. */
    void release(Cluster cluster) {
        synchronized (connections) {
            if (--cluster.users > 0) {
                return;
            }
            connections.remove(cluster.name(), cluster);
        }
        cluster.shutdown();
    }

    /** A connection that the cluster has shut out serves nobody any more: the next user gets a new one. */
    void retire(Cluster cluster) {
        synchronized (connections) {
            connections.remove(cluster.name(), cluster);
        }
    }

    /** How many connections there are. */
    int count() {
        synchronized (connections) {
            return connections.size();
        }
    }
}
