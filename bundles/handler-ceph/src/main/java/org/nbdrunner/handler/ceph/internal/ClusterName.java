package org.nbdrunner.handler.ceph.internal;

import org.nbdrunner.api.handler.Cfgstring;

/**
 * Which cluster, as which user. Names files, and holds nothing of what is in them.
 *
 * @param conf path of the configuration; empty for the usual places
 * @param id the user, without {@code client.}
 * @param keyring path of the keyring; empty for what the configuration says
 * @param cluster the cluster's name, of which the usual places are made
 */
record ClusterName(String conf, String id, String keyring, String cluster) {

    /** The options of a backstore go before those of the handler. */
    ClusterName with(Cfgstring cfg) {
        return new ClusterName(
                cfg.option("conf", conf),
                cfg.option("id", id),
                cfg.option("keyring", keyring),
                cfg.option("cluster", cluster));
    }

    /** The user, as Ceph has it. */
    String user() {
        return "client." + id;
    }

    @Override
    public String toString() {
        return "cluster " + cluster + (conf.isEmpty() ? "" : " of " + conf) + " as " + user();
    }
}
