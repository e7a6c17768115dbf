/**
 * What the author of a storage handler implements.
 *
 * <p>A <em>handler</em> is a kind of storage. It is an OSGi service of type {@link org.nbdrunner.api.handler.Handler},
 * named by the service property that {@link org.nbdrunner.api.handler.HandlerName} sets; a declarative-services component
 * in a bundle of its own is all it takes. A handler makes, deletes and opens <em>backstores</em>, each named by a
 * {@link org.nbdrunner.api.handler.Cfgstring}. An open backstore is a {@link org.nbdrunner.api.handler.Volume}: requests
 * are submitted to it and complete once each, on any thread, in any order.
 *
 * <p>Storage that is used through blocking calls extends {@link org.nbdrunner.api.handler.SimpleVolume} and implements
 * {@code read} and {@code write}; the rest has working defaults.
 *
 * <p>A complete handler, a disk in memory:
 * <pre>{@code
 * @Component
 * @HandlerName("ram")
 * public final class RamHandler implements Handler {
 *     private final Map<String, byte[]> disks = new ConcurrentHashMap<>();
 *
 *     @Override
 *     public void create(Cfgstring cfg, long size, boolean preallocate, ProgressListener progress) throws IOException {
 *         if (size > 1 << 30) {
 *             throw new StorageException(Errno.EFBIG, "ram disks have at most 1 GiB");
 *         }
 *         if (disks.putIfAbsent(cfg.key(), new byte[(int) size]) != null) {
 *             throw new StorageException(Errno.EEXIST, cfg.key() + " exists already");
 *         }
 *     }
 *
 *     @Override
 *     public void delete(Cfgstring cfg) throws IOException {
 *         if (disks.remove(cfg.key()) == null) {
 *             throw new StorageException(Errno.ENOENT, "there is no ram disk " + cfg.key());
 *         }
 *     }
 *
 *     @Override
 *     public Volume open(Cfgstring cfg, OpenOptions options) throws IOException {
 *         byte[] disk = disks.get(cfg.key());
 *         if (disk == null) {
 *             throw new StorageException(Errno.ENOENT, "there is no ram disk " + cfg.key());
 *         }
 *         VolumeInfo info = VolumeInfo.builder(disk.length)
 *                 .with(Capability.FLUSH, Capability.FUA, Capability.MULTI_CONN)
 *                 .build();
 *         return new SimpleVolume(info, SimpleVolume.CALLER_RUNS) {
 *             @Override
 *             protected void read(ByteBuffer buffer, long offset) {
 *                 buffer.put(disk, (int) offset, buffer.remaining());
 *             }
 *
 *             @Override
 *             protected void write(ByteBuffer buffer, long offset) {
 *                 buffer.get(disk, (int) offset, buffer.remaining());
 *             }
 *         };
 *     }
 * }
 * }</pre>
 */
@Export
@Version("1.1.0")
package org.nbdrunner.api.handler;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
