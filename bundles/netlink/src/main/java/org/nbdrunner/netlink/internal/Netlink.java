package org.nbdrunner.netlink.internal;

/**
 * Numbers of the netlink and generic-netlink protocols, from {@code linux/netlink.h} and {@code linux/genetlink.h}.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/netlink.7.html">netlink(7)</a>
 */
final class Netlink {
    static final int AF_NETLINK = 16;
    static final int NETLINK_GENERIC = 16;

    static final int SOL_NETLINK = 270;
    static final int NETLINK_ADD_MEMBERSHIP = 1;
    static final int NETLINK_CAP_ACK = 10;
    static final int NETLINK_EXT_ACK = 11;

    /** Bytes of {@code struct nlmsghdr}: u32 length, u16 type, u16 flags, u32 sequence number, u32 port. */
    static final int HEADER = 16;
    /** Bytes of {@code struct genlmsghdr}: u8 command, u8 version, u16 reserved. */
    static final int GENERIC_HEADER = 4;
    /** Bytes of {@code struct nlattr}: u16 length, u16 type. */
    static final int ATTRIBUTE_HEADER = 4;

    static final int NLM_F_REQUEST = 0x1;
    static final int NLM_F_ACK = 0x4;
    /** In an error message: no more than the header of the request is repeated there. */
    static final int NLM_F_CAPPED = 0x100;
    /** In an error message: attributes follow. */
    static final int NLM_F_ACK_TLVS = 0x200;

    static final int NLMSG_ERROR = 2;
    /** The attribute of an error message that says in words what is wrong. */
    static final int NLMSGERR_ATTR_MSG = 1;

    static final int NLA_F_NESTED = 0x8000;
    /** Without the flags that say nested, and in network order. */
    static final int NLA_TYPE_MASK = 0x3fff;

    private Netlink() {}

    /**
     * The next multiple of 4.
     *
     * @param length not negative
     * @return where what follows begins
     */
    static int align(int length) {
        return (length + 3) & ~3;
    }
}
