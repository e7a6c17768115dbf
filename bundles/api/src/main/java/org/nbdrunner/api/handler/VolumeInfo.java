package org.nbdrunner.api.handler;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/** What a volume is and can. Immutable; made by {@link #builder(long)}. */
public final class VolumeInfo {
    /** The largest payload that every volume must take and no client may exceed: 32 MiB. */
    public static final int MAX_PAYLOAD = 32 << 20;

    private final long size;
    private final boolean readOnly;
    private final int minimumBlock;
    private final int preferredBlock;
    private final int maximumPayload;
    private final String description;
    private final String identity;
    private final Set<Capability> capabilities;

    private VolumeInfo(Builder b) {
        size = b.size;
        readOnly = b.readOnly;
        minimumBlock = b.minimumBlock;
        preferredBlock = Math.max(b.preferredBlock, b.minimumBlock);
        maximumPayload = b.maximumPayload;
        description = b.description;
        identity = b.identity;
        capabilities = Set.copyOf(b.capabilities);
    }

    /**
     * Begins a description.
     *
     * @param size bytes; not negative
     * @return a builder: writable, block size 1, preferred 4,096, payload {@link #MAX_PAYLOAD}, no capabilities
     */
    public static Builder builder(long size) {
        return new Builder(size);
    }

    /**
     * Begins a description like this one.
     *
     * @return a builder
     */
    public Builder toBuilder() {
        return toBuilder(size);
    }

    private Builder toBuilder(long ofSize) {
        Builder b = new Builder(ofSize);
        b.readOnly = readOnly;
        b.minimumBlock = minimumBlock;
        b.preferredBlock = preferredBlock;
        b.maximumPayload = maximumPayload;
        b.description = description;
        b.identity = identity;
        b.capabilities.addAll(capabilities);
        return b;
    }

    /**
     * The same of another size.
     *
     * @param newSize bytes; not negative
     * @return this if it has that size
     * @since 1.1
     */
    public VolumeInfo withSize(long newSize) {
        return newSize == size ? this : toBuilder(newSize).build();
    }

    /**
     * The size.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }

    /**
     * Whether nothing can be written.
     *
     * @return true if so
     */
    public boolean readOnly() {
        return readOnly;
    }

    /**
     * What offsets and lengths are multiples of.
     *
     * @return bytes, a power of two from 1 to 65,536
     */
    public int minimumBlock() {
        return minimumBlock;
    }

    /**
     * What offsets and lengths had better be multiples of.
     *
     * @return bytes, a power of two, at least {@link #minimumBlock()}
     */
    public int preferredBlock() {
        return preferredBlock;
    }

    /**
     * The longest read or write.
     *
     * @return bytes
     */
    public int maximumPayload() {
        return maximumPayload;
    }

    /**
     * A line for people.
     *
     * @return may be empty
     */
    public String description() {
        return description;
    }

    /**
     * Tells one stored thing from another of the same name: a file's device and inode, an image's id. When a handler is swapped, a
     * volume that opens with another identity is refused. Empty where the storage has nothing of the kind.
     *
     * @return may be empty
     */
    public String identity() {
        return identity;
    }

    /**
     * What the volume can do.
     *
     * @return unmodifiable
     */
    public Set<Capability> capabilities() {
        return capabilities;
    }

    /**
     * Whether the volume can do something.
     *
     * @param capability what
     * @return true if so
     */
    public boolean can(Capability capability) {
        return capabilities.contains(capability);
    }

    @Override
    public String toString() {
        return "size=" + size + (readOnly ? " read-only" : "") + " block=" + minimumBlock + "/" + preferredBlock + "/"
                + maximumPayload + " " + capabilities;
    }

    /** Makes a {@link VolumeInfo}. Not for several threads at once. */
    public static final class Builder {
        private final long size;
        private final EnumSet<Capability> capabilities = EnumSet.noneOf(Capability.class);
        private boolean readOnly;
        private int minimumBlock = 1;
        private int preferredBlock = 4096;
        private int maximumPayload = MAX_PAYLOAD;
        private String description = "";
        private String identity = "";

        private Builder(long size) {
            if (size < 0) {
                throw new IllegalArgumentException("negative size " + size);
            }
            this.size = size;
        }

        /**
         * Sets whether nothing can be written.
         *
         * @param value true if so
         * @return this
         */
        public Builder readOnly(boolean value) {
            readOnly = value;
            return this;
        }

        /**
         * Sets what offsets and lengths are multiples of.
         *
         * @param value bytes, a power of two from 1 to 65,536
         * @return this
         */
        public Builder minimumBlock(int value) {
            minimumBlock = powerOfTwo(value, 65536);
            return this;
        }

        /**
         * Sets what offsets and lengths had better be multiples of.
         *
         * @param value bytes, a power of two from 512 to 32 Mi
         * @return this
         */
        public Builder preferredBlock(int value) {
            preferredBlock = powerOfTwo(Math.max(value, 512), MAX_PAYLOAD);
            return this;
        }

        /**
         * Sets the longest read or write.
         *
         * @param value bytes, from 65,536 to {@link VolumeInfo#MAX_PAYLOAD}
         * @return this
         */
        public Builder maximumPayload(int value) {
            if (value < 65536 || value > MAX_PAYLOAD) {
                throw new IllegalArgumentException("maximum payload " + value);
            }
            maximumPayload = value;
            return this;
        }

        /**
         * Sets a line for people.
         *
         * @param value at most 4,096 bytes in UTF-8
         * @return this
         */
        public Builder description(String value) {
            description = Objects.requireNonNull(value, "description");
            return this;
        }

        /**
         * Sets what tells this stored thing from others of its name.
         *
         * @param value may be empty
         * @return this
         */
        public Builder identity(String value) {
            identity = Objects.requireNonNull(value, "identity");
            return this;
        }

        /**
         * Adds capabilities.
         *
         * @param added what the volume can do
         * @return this
         */
        public Builder with(Capability... added) {
            capabilities.addAll(Set.of(added));
            return this;
        }

        /**
         * Takes capabilities away.
         *
         * @param removed what the volume cannot do
         * @return this
         */
        public Builder without(Capability... removed) {
            capabilities.removeAll(Set.of(removed));
            return this;
        }

        /**
         * Ends the description.
         *
         * @return what was described
         */
        public VolumeInfo build() {
            if (capabilities.contains(Capability.FAST_ZERO) && !capabilities.contains(Capability.WRITE_ZEROES)) {
                throw new IllegalStateException("FAST_ZERO needs WRITE_ZEROES");
            }
            return new VolumeInfo(this);
        }

        private static int powerOfTwo(int value, int max) {
            if (value < 1 || value > max || Integer.bitCount(value) != 1) {
                throw new IllegalArgumentException("block size " + value + " is not a power of two from 1 to " + max);
            }
            return value;
        }
    }
}
