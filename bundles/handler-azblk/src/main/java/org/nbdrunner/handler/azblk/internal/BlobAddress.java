package org.nbdrunner.handler.azblk.internal;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Set;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Where a blob is and what opens it: a cfgstring {@code HOST/CONTAINER/BLOB[;sas=…][;auth=NAME][;lease=GUID][;http]}, taken apart.
 *
 * <p>Only SharedKey needs to know which part of a URL is what: with host names of Azure the account is the first label; an address, or a
 * name without a dot, has it as the first segment of the path.
 *
 * @param key as given: for messages
 * @param url of the blob, without a query
 * @param authority host and port
 * @param account the storage account
 * @param sas a shared access signature; empty if there is none
 * @param auth the name of a file with credentials; empty if there is none
 * @param lease the lease to hold; empty if there is none
 */
record BlobAddress(String key, URI url, String authority, String account, String sas, String auth, String lease) {
    static final String SAS = "sas";
    static final String AUTH = "auth";
    static final String LEASE = "lease";
    static final String HTTP = "http";
    static final Set<String> OPTIONS = Set.of(SAS, AUTH, LEASE, HTTP);

    private static final Pattern GUID = Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");
    private static final Pattern ADDRESS = Pattern.compile("\\[.*]|[0-9.]+");

    /**
     * Takes a cfgstring apart.
     *
     * @throws StorageException {@link Errno#EINVAL} naming the part that cannot be used, and never what an option holds
     */
    static BlobAddress of(Cfgstring cfg) throws StorageException {
        String key = cfg.key();
        URI url;
        try {
            URI given = new URI((cfg.has(HTTP) ? "http://" : "https://") + key);
            url = new URI(given.toASCIIString());
        } catch (URISyntaxException e) {
            throw invalid(key, "it is no HOST/CONTAINER/BLOB of a URL: " + e.getReason(), e);
        }
        if (url.getHost() == null || url.getRawUserInfo() != null) {
            throw invalid(key, "it does not begin with a host name", null);
        }
        if (url.getRawQuery() != null || url.getRawFragment() != null) {
            throw invalid(key, "a question mark or hash sign in a name must be percent-encoded", null);
        }
        String[] path = url.getRawPath().split("/", -1);
        if (path.length < 3) {
            throw invalid(key, "HOST/CONTAINER/BLOB is needed", null);
        }
        for (int i = 1; i < path.length; i++) {
            if (path[i].isEmpty() || path[i].equals(".") || path[i].equals("..")) {
                throw invalid(key, "a part of the path is empty or made of dots", null);
            }
        }
        String lease = cfg.option(LEASE, "");
        if (cfg.has(LEASE) && !GUID.matcher(lease).matches()) {
            throw invalid(key, "Invalid lease argument, it must be a GUID", null);
        }
        if (cfg.has(HTTP)
                && !cfg.option(HTTP, "").isEmpty()
                && !cfg.option(HTTP, "").equals("1")) {
            throw invalid(key, "the option http takes no value", null);
        }
        if (cfg.has(SAS) && cfg.has(AUTH)) {
            throw invalid(key, "either sas or auth is needed, not both", null);
        }
        return new BlobAddress(
                key,
                url,
                url.getRawAuthority(),
                account(url.getHost(), path),
                cfg.has(SAS) ? checkSas(key, url, cfg.option(SAS, "")) : "",
                cfg.has(AUTH) ? CredentialFiles.checkName(key, cfg.option(AUTH, "")) : "",
                lease);
    }

    private static String account(String host, String[] path) {
        boolean pathStyle = ADDRESS.matcher(host).matches() || host.indexOf('.') < 0;
        return pathStyle ? path[1] : host.substring(0, host.indexOf('.'));
    }

    /** A signature as it goes into a query, with or without a question mark before it. */
    static String checkSas(String key, URI url, String given) throws StorageException {
        String sas = given.startsWith("?") ? given.substring(1) : given;
        if (!sas.contains("sig=")) {
            throw invalid(key, "Invalid sas argument, it has no signature (sig=)", null);
        }
        try {
            // The message of this exception would show the signature.
            return new URI(url + "?" + sas).getRawFragment() == null ? sas : noQuery(key);
        } catch (URISyntaxException e) {
            return noQuery(key);
        }
    }

    private static String noQuery(String key) throws StorageException {
        throw invalid(key, "Invalid sas argument, it is not percent-encoded", null);
    }

    private static StorageException invalid(String key, String why, Throwable cause) {
        return new StorageException(Errno.EINVAL, key + ": " + why, cause);
    }

    /** The key alone. */
    @Override
    public String toString() {
        return key;
    }
}
