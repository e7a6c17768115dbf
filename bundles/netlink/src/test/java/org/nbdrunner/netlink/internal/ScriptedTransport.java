package org.nbdrunner.netlink.internal;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/** A kernel that says what it was told to say, whatever it is asked; then nothing. */
final class ScriptedTransport implements NetlinkTransport {
    private final Deque<ByteBuffer> answers = new ArrayDeque<>();
    private final List<String> sent = new ArrayList<>();
    private final List<Integer> groups = new ArrayList<>();
    private boolean closed;

    ScriptedTransport(String... answers) {
        for (String answer : answers) {
            this.answers.add(Golden.bytes(answer));
        }
    }

    @Override
    public void send(ByteBuffer datagram, Deadline deadline) {
        sent.add(Golden.hex(datagram));
    }

    @Override
    public ByteBuffer receive(Deadline deadline) throws StorageException {
        if (answers.isEmpty()) {
            throw new StorageException(Errno.ETIMEDOUT, "no more answers");
        }
        return answers.remove();
    }

    @Override
    public void join(int group) {
        groups.add(group);
    }

    @Override
    public void close() {
        closed = true;
    }

    List<String> sent() {
        return sent;
    }

    List<Integer> groups() {
        return groups;
    }

    boolean closed() {
        return closed;
    }
}
