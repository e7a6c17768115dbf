package org.nbdrunner.handler.azblk.internal;

import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import org.nbdrunner.api.handler.Errno;

/**
 * Why an attempt has failed, and what is to be done about it. The status decides, not the code: Azure and its emulators differ in codes.
 *
 * @param remedy what to do
 * @param uncertain whether what was asked may have been done nevertheless, or may yet be
 * @param errno if it stays so
 * @param text for people; holds no secret
 * @param code the service's own name of the error; empty if there is none
 * @param pause how long the service wants to be left alone; zero if it does not say
 */
record Problem(Remedy remedy, boolean uncertain, Errno errno, String text, String code, Duration pause) {
    private static final int MAX_DEPTH = 10;

    enum Remedy {
        /** It may well go better next time. */
        RETRY,
        /** The sequence number is another one. */
        NEW_SEQUENCE,
        /** Other credentials might do. */
        NEW_CREDENTIALS,
        /** Nothing helps. */
        NONE
    }

    private static Problem of(Remedy remedy, boolean uncertain, Errno errno, String text, String code) {
        return new Problem(remedy, uncertain, errno, text, code, Duration.ZERO);
    }

    /** What is wrong with an answer; null if nothing is. */
    static Problem of(Answer answer) {
        int status = answer.status();
        if (status / 100 == 2) {
            return null;
        }
        String code = answer.code();
        String what = "HTTP " + status + (code.isEmpty() ? "" : " " + code);
        return switch (status) {
            case 429, 503 ->
                new Problem(Remedy.RETRY, false, Errno.EAGAIN, "it is throttled: " + what, code, pause(answer));
            case 408, 500, 502, 504 ->
                new Problem(Remedy.RETRY, true, Errno.EIO, "the service fails: " + what, code, pause(answer));
            case 401, 403 -> of(Remedy.NEW_CREDENTIALS, false, Errno.EACCES, what, code);
            case 404 -> of(Remedy.NONE, false, Errno.ENOENT, absent(code) + " (" + what + ")", code);
            case 409 -> conflict(code, what);
            case 412 ->
                code.equals("SequenceNumberConditionNotMet")
                        ? of(Remedy.NEW_SEQUENCE, false, Errno.EIO, "others change its sequence number", code)
                        : of(Remedy.NONE, false, Errno.EBUSY, lease(code) + " (" + what + ")", code);
            case 413, 416 ->
                of(Remedy.NONE, false, Errno.EIO, "it has no such range, was it resized? (" + what + ")", code);
            case 400 -> of(Remedy.NONE, false, Errno.EINVAL, "the service refuses the request (" + what + ")", code);
            default -> of(Remedy.NONE, false, Errno.EIO, "the service answers " + what, code);
        };
    }

    private static Duration pause(Answer answer) {
        // The other form, a date, is not used by the service.
        return Duration.ofSeconds(
                Math.max(0, answer.header("retry-after").matches("[0-9]{1,6}") ? answer.number("retry-after", 0) : 0));
    }

    private static String absent(String code) {
        return switch (code) {
            case "ContainerNotFound" -> "there is no such container";
            case "ResourceNotFound" ->
                "there is no such account or container, or it may not be seen without a SAS or key";
            default -> "there is no such blob";
        };
    }

    private static Problem conflict(String code, String what) {
        return switch (code) {
            case "BlobAlreadyExists" -> of(Remedy.NONE, false, Errno.EEXIST, "it exists already", code);
            case "LeaseAlreadyPresent", "LeaseIdMismatchWithLeaseOperation" ->
                of(Remedy.NONE, false, Errno.EBUSY, "others hold a lease of it (" + what + ")", code);
            case "PublicAccessNotPermitted" ->
                of(Remedy.NONE, false, Errno.EACCES, "a SAS or key is needed (" + what + ")", code);
            default -> of(Remedy.NONE, false, Errno.EIO, "the service refuses this now (" + what + ")", code);
        };
    }

    private static String lease(String code) {
        return switch (code) {
            case "LeaseIdMissing" -> "it is leased, and lease=… is not given";
            case "LeaseNotPresentWithBlobOperation", "LeaseLost", "LeaseIdMismatchWithBlobOperation" ->
                "its lease is lost";
            default -> "a condition does not hold";
        };
    }

    /** Why no answer came. */
    static Problem of(Throwable thrown) {
        Throwable t = thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        if (t instanceof CancellationException) {
            return of(Remedy.RETRY, true, Errno.ETIMEDOUT, "the service does not answer in time", "");
        } else if (t instanceof Download.WrongLengthException) {
            return of(Remedy.NONE, false, Errno.EIO, t.getMessage(), "");
        } else if (find(t, UnresolvedAddressException.class) != null) {
            return of(Remedy.RETRY, false, Errno.EHOSTUNREACH, "the name of its host cannot be resolved", "");
        } else if (t instanceof ConnectException || t instanceof HttpConnectTimeoutException) {
            return of(Remedy.RETRY, false, Errno.ECONNREFUSED, "the service cannot be reached" + told(t), "");
        }
        Throwable distrust = distrust(t);
        if (distrust != null) {
            return of(
                    Remedy.NONE,
                    false,
                    Errno.EACCES,
                    "the certificate of the service is not trusted" + told(distrust),
                    "");
        } else if (t instanceof java.io.IOException) {
            return of(Remedy.RETRY, true, Errno.EIO, "the connection was cut" + told(t), "");
        } else if (t instanceof RejectedExecutionException) {
            return of(Remedy.NONE, true, Errno.ESHUTDOWN, "the handler is being stopped", "");
        }
        return of(Remedy.NONE, true, Errno.of(t), Errno.describe(t), "");
    }

    private static Throwable distrust(Throwable t) {
        Throwable found = find(t, CertPathBuilderException.class);
        found = found != null ? found : find(t, CertPathValidatorException.class);
        return found != null ? found : find(t, CertificateException.class);
    }

    private static Throwable find(Throwable in, Class<? extends Throwable> type) {
        Throwable t = in;
        for (int i = 0; t != null && i < MAX_DEPTH; i++, t = t.getCause()) {
            if (type.isInstance(t)) {
                return t;
            }
        }
        return null;
    }

    private static String told(Throwable t) {
        return t.getMessage() == null ? "" : " (" + t.getMessage() + ")";
    }
}
