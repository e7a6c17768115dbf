package org.nbdrunner.netlink;

import java.io.IOException;
import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Binds exports to network block devices of a kernel. For use by any thread.
 *
 * <p>Every failure is a {@link StorageException} whose text names the thing and the remedy, whatever the method's signature allows.
 */
public interface Mapper {

    /**
     * The network block devices that the kernel has, mapped or not. Quick: reads {@code /sys} and {@code /proc}.
     *
     * @return sorted by the device's number; empty if the kernel has none
     * @throws IOException if the kernel's tables cannot be read
     */
    List<Device> devices() throws IOException;

    /**
     * Connects to a runner, negotiates, and hands the connections to the kernel. Returns when the device can be used. If it fails,
     * nothing is left behind: no connection, no half-made device.
     *
     * @param request what to map, and where
     * @return the device, {@code /dev/nbdX}
     * @throws IOException a {@link StorageException}: {@link Errno#EBUSY} if the device is mapped already, {@link Errno#EPERM} if the
     *     caller may not map, {@link Errno#ENODEV} if the kernel has no nbd module or no such device, otherwise what the runner or the
     *     kernel refused
     */
    String map(MapRequest request) throws IOException;

    /**
     * Gives a mapped device fresh connections in place of those that died. Requests that waited for a connection go on.
     *
     * @param request what is mapped; names the device, and the same backstore that was mapped there
     * @throws IOException a {@link StorageException}: {@link Errno#ENOTCONN} if the device is not mapped, {@link Errno#EINVAL} if it is
     *     mapped to another backstore, otherwise what the runner or the kernel refused
     */
    void reconnect(MapRequest request) throws IOException;

    /**
     * Gives a mapped device another size. The runner must be answering: I/O pauses meanwhile.
     *
     * @param device {@code /dev/nbdX}
     * @param size bytes, a multiple of the device's block size
     * @throws IOException a {@link StorageException}: {@link Errno#ENODEV} if there is no such device, {@link Errno#ENOTCONN} if it is
     *     not mapped, otherwise what the kernel refused
     */
    void resize(String device, long size) throws IOException;

    /**
     * Ends a mapping. Returns when the kernel has let the device go. A device in use is refused and keeps working.
     *
     * @param device {@code /dev/nbdX}
     * @throws IOException a {@link StorageException}: {@link Errno#EBUSY} if it is mounted, used for swapping, or held by another
     *     device; {@link Errno#ENODEV} if there is no such device; {@link Errno#ENOTCONN} if it is not mapped
     */
    void disconnect(String device) throws IOException;
}
