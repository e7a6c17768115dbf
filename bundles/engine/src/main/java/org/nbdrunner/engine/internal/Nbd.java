package org.nbdrunner.engine.internal;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.nbdrunner.api.handler.Errno;

/**
 * The numbers of the NBD protocol, under the names of its document.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The NBD protocol</a>
 */
public final class Nbd {
    /** "NBDMAGIC": the first word a server says. */
    public static final long INIT_PASSWD = 0x4e42444d41474943L;
    /** "IHAVEOPT": introduces the handshake of newstyle servers and each option of a client. */
    public static final long OPTION_MAGIC = 0x49484156454f5054L;
    /** Introduces each reply to an option. */
    public static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    /** Introduces a compact request. */
    public static final int REQUEST_MAGIC = 0x25609513;
    /** Introduces an extended request. */
    public static final int EXTENDED_REQUEST_MAGIC = 0x21e41c71;
    /** Introduces a simple reply. */
    public static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    /** Introduces a chunk of a structured reply. */
    public static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;
    /** Introduces a chunk of an extended reply. */
    public static final int EXTENDED_REPLY_MAGIC = 0x6e8a278c;

    /** Handshake flags of server and client: fixed newstyle. */
    public static final int FLAG_FIXED_NEWSTYLE = 1;
    /** Handshake flags of server and client: no padding after NBD_OPT_EXPORT_NAME. */
    public static final int FLAG_NO_ZEROES = 2;

    public static final int OPT_EXPORT_NAME = 1;
    public static final int OPT_ABORT = 2;
    public static final int OPT_LIST = 3;
    public static final int OPT_STARTTLS = 5;
    public static final int OPT_INFO = 6;
    public static final int OPT_GO = 7;
    public static final int OPT_STRUCTURED_REPLY = 8;
    public static final int OPT_LIST_META_CONTEXT = 9;
    public static final int OPT_SET_META_CONTEXT = 10;
    public static final int OPT_EXTENDED_HEADERS = 11;

    public static final int REP_ACK = 1;
    public static final int REP_SERVER = 2;
    public static final int REP_INFO = 3;
    public static final int REP_META_CONTEXT = 4;
    public static final int REP_ERR_UNSUP = 0x80000001;
    public static final int REP_ERR_POLICY = 0x80000002;
    public static final int REP_ERR_INVALID = 0x80000003;
    public static final int REP_ERR_PLATFORM = 0x80000004;
    public static final int REP_ERR_TLS_REQD = 0x80000005;
    public static final int REP_ERR_UNKNOWN = 0x80000006;
    public static final int REP_ERR_BLOCK_SIZE_REQD = 0x80000008;
    public static final int REP_ERR_TOO_BIG = 0x80000009;
    public static final int REP_ERR_EXT_HEADER_REQD = 0x8000000a;

    public static final int INFO_EXPORT = 0;
    public static final int INFO_NAME = 1;
    public static final int INFO_DESCRIPTION = 2;
    public static final int INFO_BLOCK_SIZE = 3;

    public static final int CMD_READ = 0;
    public static final int CMD_WRITE = 1;
    public static final int CMD_DISC = 2;
    public static final int CMD_FLUSH = 3;
    public static final int CMD_TRIM = 4;
    public static final int CMD_CACHE = 5;
    public static final int CMD_WRITE_ZEROES = 6;
    public static final int CMD_BLOCK_STATUS = 7;

    public static final int CMD_FLAG_FUA = 1;
    public static final int CMD_FLAG_NO_HOLE = 1 << 1;
    public static final int CMD_FLAG_DF = 1 << 2;
    public static final int CMD_FLAG_REQ_ONE = 1 << 3;
    public static final int CMD_FLAG_FAST_ZERO = 1 << 4;
    public static final int CMD_FLAG_PAYLOAD_LEN = 1 << 5;

    public static final int REPLY_FLAG_DONE = 1;
    public static final int REPLY_TYPE_NONE = 0;
    public static final int REPLY_TYPE_OFFSET_DATA = 1;
    public static final int REPLY_TYPE_BLOCK_STATUS = 5;
    public static final int REPLY_TYPE_BLOCK_STATUS_EXT = 6;
    public static final int REPLY_TYPE_ERROR = 0x8001;

    public static final int STATE_HOLE = 1;
    public static final int STATE_ZERO = 2;

    /** Longest string: export names, descriptions, queries and error texts. */
    public static final int MAX_STRING = 4096;

    /** The one metadata context that is offered. */
    public static final String BASE_ALLOCATION = "base:allocation";
    /** Its number in replies. */
    public static final int BASE_ALLOCATION_ID = 1;

    private Nbd() {}

    /**
     * A text as it is sent.
     *
     * @param text any
     * @param most how many bytes it may have; what is longer is cut behind a whole character
     * @return UTF-8
     */
    public static byte[] text(String text, int most) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= most) {
            return bytes;
        }
        int n = most;
        while (n > 0 && (bytes[n] & 0xc0) == 0x80) {
            n--;
        }
        return Arrays.copyOf(bytes, n);
    }

    /**
     * The nearest of the error numbers that a reply may carry.
     *
     * @param errno any error
     * @return a number of the protocol's list
     */
    public static int error(Errno errno) {
        return switch (errno) {
            case EPERM, EACCES, EROFS -> 1;
            case ENOMEM -> 12;
            case EINVAL -> 22;
            case ENOSPC, EDQUOT, EFBIG -> 28;
            case EOVERFLOW -> 75;
            case ENOTSUP -> 95;
            default -> 5;
        };
    }
}
