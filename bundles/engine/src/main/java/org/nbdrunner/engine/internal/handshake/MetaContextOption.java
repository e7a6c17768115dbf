package org.nbdrunner.engine.internal.handshake;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.engine.internal.Nbd;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/**
 * NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. There is one context, base:allocation.
 *
 * <pre>
 * u32 name length | name | u32 count | u32 query length | query (count times)
 * </pre>
 */
final class MetaContextOption implements Option {
    private static final byte[] BASE_ALLOCATION = Nbd.BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8);

    @Override
    public Next answer(Session session, int option, ByteBuffer data) throws IOException {
        boolean set = option == Nbd.OPT_SET_META_CONTEXT;
        if (set) {
            session.contextExport = null; // whatever comes of this, earlier selections are gone
        }
        if (session.mode == ReplyMode.SIMPLE) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "metadata contexts need structured replies");
            return Next.OPTION;
        }
        String name = data.remaining() < 8 ? null : Session.string(data, data.getInt());
        if (name == null || data.remaining() < 4) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "the export's name does not fit the option's length");
            return Next.OPTION;
        }
        int queries = data.getInt();
        boolean selected = queries == 0 && !set;
        for (int i = 0; i != queries; i++) {
            String query = data.remaining() < 4 ? null : Session.string(data, data.getInt());
            if (query == null) {
                session.refuse(option, Nbd.REP_ERR_INVALID, "a query does not fit the option's length");
                return Next.OPTION;
            }
            selected |= query.equals(Nbd.BASE_ALLOCATION) || (!set && query.equals("base:"));
        }
        if (data.hasRemaining()) {
            session.refuse(option, Nbd.REP_ERR_INVALID, "there are data behind the last query");
            return Next.OPTION;
        }
        try {
            session.exports().open(name, reason -> {}).close(true);
        } catch (StorageException e) {
            session.refuse(option, Nbd.REP_ERR_UNKNOWN, e.getMessage());
            return Next.OPTION;
        }
        if (selected) {
            session.reply(option, Nbd.REP_META_CONTEXT)
                    .putInt(set ? Nbd.BASE_ALLOCATION_ID : 0)
                    .put(BASE_ALLOCATION);
            session.send();
            if (set) {
                session.contextExport = name;
            }
        }
        session.acknowledge(option);
        return Next.OPTION;
    }
}
