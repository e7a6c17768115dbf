package org.nbdrunner.netlink.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** The nbd family of a kernel, whose devices a {@link FakeMachine} shows. Remembers the commands. */
public final class FakeKernel implements NetlinkTransport {
    private static final int SO_SNDTIMEO = 21;
    private static final List<String> NAMES = List.of("", "connect", "disconnect", "reconfigure", "", "status");

    private final FakeMachine machine;
    private final Deque<ByteBuffer> answers = new ArrayDeque<>();
    private final List<String> commands = new ArrayList<>();
    private int refusal;
    private boolean lazy;
    private boolean heldOpen;
    private int open;

    /**
     * A kernel.
     *
     * @param machine shows its devices
     */
    public FakeKernel(FakeMachine machine) {
        this.machine = machine;
    }

    /**
     * Opens a transport to it.
     *
     * @return this
     */
    public FakeKernel connection() {
        open++;
        return this;
    }

    /**
     * From now on it refuses to connect and to reconfigure.
     *
     * @param errno the reason
     */
    public void refuse(Errno errno) {
        refusal = errno.number();
    }

    /** From now on connected devices show no size. */
    public void beLazy() {
        lazy = true;
    }

    /** From now on disconnected devices are still open somewhere. */
    public void holdOpen() {
        heldOpen = true;
    }

    /**
     * What it was told to do.
     *
     * @return commands and devices, in order
     */
    public List<String> commands() {
        return commands;
    }

    /**
     * How many transports were not closed.
     *
     * @return 0 in the end
     */
    public int open() {
        return open;
    }

    @Override
    public void send(ByteBuffer datagram, Deadline deadline) throws IOException {
        NetlinkMessage m = NetlinkMessage.parse(datagram).get(0);
        if (m.type() == 16) {
            answers.add(Golden.bytes(Golden.FAMILY).putInt(8, m.sequence()));
            acknowledge(m, 0);
            return;
        }
        String name = NAMES.get(m.command());
        int index = name.equals("connect") && !hasIndex(m) ? 0 : m.attributes().u32(1);
        if (!name.equals("status")) {
            commands.add(name + " " + index);
        }
        boolean refused = refusal != 0 && (name.equals("connect") || name.equals("reconfigure"));
        if (!refused) {
            answer(name, index, m);
        }
        acknowledge(m, refused ? refusal : 0);
    }

    private static boolean hasIndex(NetlinkMessage m) throws IOException {
        return m.attributes().value(1).isPresent();
    }

    private void answer(String name, int index, NetlinkMessage m) throws IOException {
        switch (name) {
            case "connect" -> {
                take(m);
                machine.map(index, lazy ? 0 : size(m));
                answers.add(
                        Golden.bytes(Golden.CONNECTED).putInt(8, m.sequence()).putInt(24, index));
            }
            case "disconnect" -> {
                if (!heldOpen) {
                    machine.unmap(index);
                }
            }
            case "reconfigure" -> {
                take(m);
                if (m.attributes().value(2).isPresent()) {
                    machine.map(index, size(m));
                }
            }
            default -> {}
        }
    }

    private static long size(NetlinkMessage m) throws IOException {
        return m.attributes().value(2).orElseThrow().getLong();
    }

    /** Linux sets the send timeout on what it takes. */
    private static void take(NetlinkMessage m) throws IOException {
        ByteBuffer timeval =
                ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putLong(0, 3);
        for (Attributes item : m.attributes().nested(7).list()) {
            Native.libc().setsockopt(item.u32(1), NativeSocket.SOL_SOCKET, SO_SNDTIMEO, timeval, 16);
        }
    }

    private void acknowledge(NetlinkMessage m, int errno) {
        answers.add(Golden.bytes(Golden.ACK).putInt(8, m.sequence()).putInt(16, -errno));
    }

    @Override
    public ByteBuffer receive(Deadline deadline) throws StorageException {
        if (answers.isEmpty()) {
            throw new StorageException(Errno.ETIMEDOUT, "nothing to say");
        }
        return answers.remove();
    }

    @Override
    public void join(int group) {}

    @Override
    public void close() {
        open--;
    }
}
