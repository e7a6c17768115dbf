package org.nbdrunner.handler.azblk.internal;

import java.net.http.HttpHeaders;

/**
 * What the service answered.
 *
 * @param status of HTTP
 * @param headers as they came
 * @param body what was not put elsewhere
 */
record Answer(int status, HttpHeaders headers, String body) {

    /** A header; empty if it is not there. */
    String header(String name) {
        return headers.firstValue(name).orElse("");
    }

    /** The service's own name of an error; empty if it did not tell. */
    String code() {
        return header("x-ms-error-code");
    }

    /** A number in a header. */
    long number(String name, long otherwise) {
        return headers.firstValueAsLong(name).orElse(otherwise);
    }

    /** The size of the blob, as an answer to a read tells it; negative if this one does not. */
    long blobSize() {
        String range = header("content-range");
        int slash = range.indexOf('/');
        try {
            return slash < 0
                    ? number(Call.SIZE, -1)
                    : Long.parseLong(range.substring(slash + 1).strip());
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
