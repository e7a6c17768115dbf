package org.nbdrunner.api.handler;

/** What a request asks for; the names are those of the NBD protocol's transmission phase, {@code NBD_CMD_…}. */
public enum Command {
    /** Fill the buffer from the range. */
    READ,
    /** Write the buffer to the range. */
    WRITE,
    /** Make every write that has completed durable; has no range. */
    FLUSH,
    /** The range's content is no longer needed; it may read as anything afterwards. A hint: doing nothing is right too. */
    TRIM,
    /** Make the range read as zeroes. */
    WRITE_ZEROES,
    /** The range will be read soon. A hint. */
    CACHE,
    /** Tell the extents of the range: holes, zeroes, data. */
    BLOCK_STATUS
}
