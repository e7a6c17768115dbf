package org.nbdrunner.handler.azblk.internal;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * One call of the Blob REST API, before it is authorised. Each of them may be made again when its outcome is unknown.
 *
 * @param method of HTTP
 * @param query without credentials
 * @param headers by name; what authorises the call may add some
 * @param transfer makes the body that is sent, or takes the one that comes, anew for each attempt
 * @see <a href="https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api">Blob service REST API</a>
 */
record Call(String method, String query, Map<String, String> headers, Supplier<Transfer> transfer) {
    static final String LEASE_STATE = "x-ms-lease-state";
    static final String MARK = "x-ms-meta-nbdrunner";
    static final String RANGE = "x-ms-range";
    static final String SEQUENCE = "x-ms-blob-sequence-number";
    static final String SIZE = "x-ms-blob-content-length";

    private static final String LEASE = "x-ms-lease-id";
    private static final String SEQUENCE_IS = "x-ms-if-sequence-number-eq";
    private static final String PAGE_WRITE = "x-ms-page-write";

    /** The oldest that tells when a blob was created; gluster/nbd-runner's too. */
    private static final String VERSION = "2018-03-28";

    private static Call of(String method, String query, Supplier<Transfer> transfer, String lease) {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("x-ms-version", VERSION);
        if (!lease.isEmpty()) {
            headers.put(LEASE, lease);
        }
        return new Call(method, query, headers, transfer);
    }

    private Call with(String name, String value) {
        headers.put(name, value);
        return this;
    }

    /** Makes a blob that does not exist. */
    static Call create(long size, String mark) {
        return of("PUT", "", SmallBody::new, "")
                .with("If-None-Match", "*")
                .with("x-ms-blob-type", "PageBlob")
                .with(SIZE, Long.toString(size))
                .with(SEQUENCE, "0")
                .with(MARK, mark);
    }

    /** Size, type, lease state, sequence number, time of creation. */
    static Call properties() {
        return of("HEAD", "", SmallBody::new, "");
    }

    /** Deletes the blob with its snapshots. */
    static Call delete(String lease) {
        return of("DELETE", "", SmallBody::new, lease).with("x-ms-delete-snapshots", "include");
    }

    /** Takes a lease that does not end, or takes it again. */
    static Call acquire(String lease) {
        return of("PUT", "comp=lease", SmallBody::new, "")
                .with("x-ms-lease-action", "acquire")
                .with("x-ms-lease-duration", "-1")
                .with("x-ms-proposed-lease-id", lease);
    }

    /** Raises the sequence number to at least a value; the answer tells what it is. */
    static Call raiseSequence(long atLeast, String lease) {
        return of("PUT", "comp=properties", SmallBody::new, lease)
                .with("x-ms-sequence-number-action", "max")
                .with(SEQUENCE, Long.toString(atLeast));
    }

    /** Changes the size; pages beyond it are given up. */
    static Call resize(long size, String lease) {
        return of("PUT", "comp=properties", SmallBody::new, lease).with(SIZE, Long.toString(size));
    }

    /** Reads a range into a body's buffers. */
    static Call read(Batch batch, String lease, Duration limit) {
        return of("GET", timeout(limit), () -> new Download(batch.buffers()), lease)
                .with(RANGE, range(batch.offset(), batch.length()));
    }

    /** Writes pages, if the sequence number is what it should be. */
    static Call write(Batch batch, String lease, long sequence, Duration limit) {
        return of("PUT", "comp=page&" + timeout(limit), () -> new Upload(batch.buffers()), lease)
                .with(PAGE_WRITE, "update")
                .with("Content-Type", "application/octet-stream")
                .with(RANGE, range(batch.offset(), batch.length()))
                .with(SEQUENCE_IS, Long.toString(sequence));
    }

    /** Gives pages up, if the sequence number is what it should be: they read as zeroes. */
    static Call clear(Batch batch, String lease, long sequence, Duration limit) {
        return of("PUT", "comp=page&" + timeout(limit), SmallBody::new, lease)
                .with(PAGE_WRITE, "clear")
                .with(RANGE, range(batch.offset(), batch.length()))
                .with(SEQUENCE_IS, Long.toString(sequence));
    }

    /** Tells which pages of a range hold data. */
    static Call ranges(long offset, long length, String lease, Duration limit) {
        return of("GET", "comp=pagelist&" + timeout(limit), SmallBody::new, lease)
                .with(RANGE, range(offset, length));
    }

    /** The service is to give up before we do. */
    private static String timeout(Duration limit) {
        return "timeout=" + Math.max(1, limit.toSeconds() - 1);
    }

    private static String range(long offset, long length) {
        return "bytes=" + offset + "-" + (offset + length - 1);
    }
}
