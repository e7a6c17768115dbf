package org.nbdrunner.api.control;

/**
 * A backstore in a listing.
 *
 * @param handler the handler's name; {@code type N} where the number is all that is known
 * @param type the handler's number on the wire and in the saved configuration
 * @param key its identity
 * @param state its state
 * @param device {@code /dev/nbdX} where it is or was mapped, else empty
 * @param mapTime when it was mapped, {@code YYYY-MM-DD hh:mm:ss}, else empty
 * @param size bytes
 * @param blockSize bytes
 * @param timeout seconds an I/O may take, 0 if never mapped
 * @param readOnly whether it is mapped read-only
 * @param preallocated whether it was made with all its space
 */
public record BackstoreInfo(
        String handler,
        int type,
        String key,
        BackstoreState state,
        String device,
        String mapTime,
        long size,
        int blockSize,
        int timeout,
        boolean readOnly,
        boolean preallocated) {}
