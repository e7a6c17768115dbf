package org.nbdrunner.handler.azblk.internal;

import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What authorises requests. Immutable; nothing here shows a secret. */
abstract sealed class Credentials {
    /**
     * Begins an authorised request.
     *
     * @param url without a query
     * @param call what is asked
     * @param length bytes of the body
     * @return a request that lacks its method
     */
    abstract HttpRequest.Builder authorise(URI url, Call call, long length);

    /** Why the service may have refused them, and what to do. */
    abstract String refusal(Instant now);

    private static HttpRequest.Builder begin(URI url, String query, Map<String, String> headers) {
        HttpRequest.Builder b = HttpRequest.newBuilder(query.isEmpty() ? url : URI.create(url + "?" + query));
        headers.forEach(b::setHeader);
        return b;
    }

    /** A shared access signature: it goes into the query as it is, percent-encoded already. */
    static final class Sas extends Credentials {
        private final String sas;

        Sas(String sas) {
            this.sas = sas;
        }

        @Override
        HttpRequest.Builder authorise(URI url, Call call, long length) {
            String query = call.query().isEmpty() || sas.isEmpty() ? call.query() + sas : call.query() + "&" + sas;
            return begin(url, query, call.headers());
        }

        @Override
        String refusal(Instant now) {
            if (sas.isEmpty()) {
                return "no SAS or key is given (sas=… or auth=…)";
            }
            Instant expiry = expiry();
            return expiry != null && !expiry.isAfter(now)
                    ? "its SAS has expired at " + expiry + ", a new one is needed"
                    : "its SAS does not allow this, or is not valid (here it is " + now + ")";
        }

        /** When it expires; null if it does not tell. */
        private Instant expiry() {
            for (String parameter : sas.split("&", -1)) {
                if (parameter.startsWith("se=")) {
                    try {
                        return OffsetDateTime.parse(decode(parameter.substring(3)))
                                .toInstant();
                    } catch (DateTimeException | IllegalArgumentException e) {
                        return null;
                    }
                }
            }
            return null;
        }
    }

    /**
     * The key of an account.
     *
     * @see <a href="https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key">Authorize with Shared Key</a>
     */
    static final class SharedKey extends Credentials {
        private static final String ALGORITHM = "HmacSHA256";
        private static final DateTimeFormatter DATE =
                DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT);
        /** The headers that are signed by value; that of {@code null} is the length of the body. */
        private static final List<String> SIGNED = Arrays.asList(
                "content-encoding",
                "content-language",
                null,
                "content-md5",
                "content-type",
                "date",
                "if-modified-since",
                "if-match",
                "if-none-match",
                "if-unmodified-since",
                "range");

        private final String account;
        private final SecretKeySpec key;

        SharedKey(String account, byte[] key) {
            this.account = account;
            this.key = new SecretKeySpec(key, ALGORITHM);
        }

        @Override
        HttpRequest.Builder authorise(URI url, Call call, long length) {
            call.headers().put("x-ms-date", DATE.format(ZonedDateTime.now(ZoneOffset.UTC)));
            HttpRequest.Builder b = begin(url, call.query(), call.headers());
            return b.setHeader("Authorization", "SharedKey " + account + ":" + sign(textToSign(url, call, length)));
        }

        private String textToSign(URI url, Call call, long length) {
            Map<String, String> headers = new TreeMap<>();
            call.headers().forEach((name, value) -> headers.put(name.toLowerCase(Locale.ROOT), value));
            StringBuilder text = new StringBuilder(call.method()).append('\n');
            for (String name : SIGNED) {
                String value =
                        name == null ? (length > 0 ? Long.toString(length) : "") : headers.getOrDefault(name, "");
                text.append(value).append('\n');
            }
            headers.forEach((name, value) -> {
                if (name.startsWith("x-ms-")) {
                    text.append(name).append(':').append(value).append('\n');
                }
            });
            text.append('/').append(account).append(url.getRawPath());
            Map<String, String> parameters = new TreeMap<>();
            for (String p : call.query().split("&", -1)) {
                int eq = p.indexOf('=');
                if (eq > 0) {
                    parameters.put(p.substring(0, eq), decode(p.substring(eq + 1)));
                }
            }
            parameters.forEach(
                    (name, value) -> text.append('\n').append(name).append(':').append(value));
            return text.toString();
        }

        private String sign(String text) {
            try {
                Mac mac = Mac.getInstance(ALGORITHM);
                mac.init(key);
                return Base64.getEncoder().encodeToString(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("every Java has " + ALGORITHM, e);
            }
        }

        @Override
        String refusal(Instant now) {
            return "the key of account " + account + " is not valid, or the clock is wrong (here it is " + now + ")";
        }
    }

    private static String decode(String value) {
        return URLDecoder.decode(value, StandardCharsets.UTF_8);
    }
}
