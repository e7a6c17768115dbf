package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.tls.TlsMode;

/**
 * The fixed newstyle handshake.
 *
 * <pre>
 * server: u64 NBDMAGIC | u64 IHAVEOPT | u16 handshake flags
 * client: u32 client flags
 * client: u64 IHAVEOPT | u32 option | u32 length | data         (as often as it likes)
 * </pre>
 */
public final class NewstyleHandshake implements Handshake {
    /** Two strings of the largest length and what stands around them fit in. */
    private static final int MAX_DATA = 12 << 10;

    /** Data of a refused option that are read to stay in step; who sends more is cut off. */
    private static final int MAX_SKIP = 1 << 20;

    /** Listing thousands of exports takes an option or two for each of them; no honest client needs more. */
    private static final int MAX_OPTIONS = 1 << 14;

    private static final Map<Integer, Option> OPTIONS = Map.of(
            Nbd.OPT_EXPORT_NAME, new ExportNameOption(),
            Nbd.OPT_ABORT, new AbortOption(),
            Nbd.OPT_LIST, new ListOption(),
            Nbd.OPT_STARTTLS, new StartTlsOption(),
            Nbd.OPT_INFO, new InfoOption(),
            Nbd.OPT_GO, new InfoOption(),
            Nbd.OPT_STRUCTURED_REPLY, new HeadersOption(),
            Nbd.OPT_EXTENDED_HEADERS, new HeadersOption(),
            Nbd.OPT_LIST_META_CONTEXT, new MetaContextOption(),
            Nbd.OPT_SET_META_CONTEXT, new MetaContextOption());

    private final Exports exports;
    private final TlsPolicy tls;

    /**
     * For one connection, without TLS.
     *
     * @param exports what can be had
     */
    public NewstyleHandshake(Exports exports) {
        this(exports, TlsPolicy.OFF);
    }

    /**
     * For one connection.
     *
     * @param exports what can be had
     * @param tls whether it may, or must, encrypt
     */
    public NewstyleHandshake(Exports exports, TlsPolicy tls) {
        this.exports = exports;
        this.tls = tls;
    }

    @Override
    public Agreement perform(Wire wire, ExportListener listener) throws IOException {
        wire.out().putLong(Nbd.INIT_PASSWD).putLong(Nbd.OPTION_MAGIC).putShort((short)
                (Nbd.FLAG_FIXED_NEWSTYLE | Nbd.FLAG_NO_ZEROES));
        wire.send();
        int flags = wire.need(4).getInt();
        if ((flags & ~(Nbd.FLAG_FIXED_NEWSTYLE | Nbd.FLAG_NO_ZEROES)) != 0) {
            throw new ProtocolException(String.format("unknown client flags %x", flags));
        }
        Session session = new Session(wire, exports, listener, tls);
        session.fixed = (flags & Nbd.FLAG_FIXED_NEWSTYLE) != 0;
        session.noZeroes = (flags & Nbd.FLAG_NO_ZEROES) != 0;
        for (int i = 0; i < MAX_OPTIONS; i++) {
            switch (option(session)) {
                case OPTION -> {}
                case TRANSMISSION -> {
                    return session.agreement;
                }
                case END -> {
                    return null;
                }
            }
        }
        throw new ProtocolException("the client has sent " + MAX_OPTIONS + " options");
    }

    private static Option.Next option(Session session) throws IOException {
        Wire wire = session.wire();
        ByteBuffer head = wire.need(16);
        if (head.getLong() != Nbd.OPTION_MAGIC) {
            throw new ProtocolException("an option does not begin with IHAVEOPT");
        }
        int option = head.getInt();
        int length = head.getInt();
        if (length < 0 || length > MAX_SKIP) {
            throw new ProtocolException(
                    "option " + option + " has " + Integer.toUnsignedString(length) + " bytes of data");
        }
        Option known = OPTIONS.get(option);
        if (!session.fixed && option != Nbd.OPT_EXPORT_NAME) {
            throw new ProtocolException("option " + option + " of a client that does not know the fixed newstyle");
        }
        if (session.tls().mode() == TlsMode.REQUIRE
                && !session.encrypted
                && option != Nbd.OPT_STARTTLS
                && option != Nbd.OPT_ABORT) {
            wire.skip(length);
            if (option == Nbd.OPT_EXPORT_NAME) {
                return Option.Next.END;
            }
            session.refuse(option, Nbd.REP_ERR_TLS_REQD, "this server wants NBD_OPT_STARTTLS first");
            return Option.Next.OPTION;
        }
        if (length > MAX_DATA || known == null) {
            wire.skip(length);
            if (option == Nbd.OPT_EXPORT_NAME) {
                return Option.Next.END;
            }
            if (option == Nbd.OPT_ABORT) {
                return known.answer(session, option, ByteBuffer.allocate(0));
            }
            if (known == null) {
                session.refuse(
                        option, Nbd.REP_ERR_UNSUP, "option " + Integer.toUnsignedString(option) + " is not known here");
            } else {
                session.refuse(option, Nbd.REP_ERR_TOO_BIG, length + " bytes of data are too many for this option");
            }
            return Option.Next.OPTION;
        }
        ByteBuffer in = wire.need(length);
        int end = in.position() + length;
        ByteBuffer data = in.duplicate().limit(end);
        in.position(end);
        return known.answer(session, option, data);
    }
}
