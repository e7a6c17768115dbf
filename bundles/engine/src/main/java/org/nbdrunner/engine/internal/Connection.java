package org.nbdrunner.engine.internal;

import java.io.IOException;
import java.net.ProtocolException;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.engine.internal.handshake.Agreement;
import org.nbdrunner.engine.internal.handshake.Handshake;
import org.nbdrunner.engine.internal.handshake.Wire;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Receiver;
import org.nbdrunner.engine.internal.net.Transport;
import org.nbdrunner.engine.internal.transmission.Transmission;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client, from its handshake to its end; runs on a thread of its own. */
final class Connection implements Runnable, ExportListener {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** What the client connected through; TLS may lie over it later. */
    private final Transport transport;

    private final Handshake handshake;
    private final EngineSettings settings;
    private final ChunkPool pool;
    private final ScheduledExecutorService timer;

    private volatile Transmission transmission;
    private volatile Thread reader;

    Connection(
            Transport transport,
            Handshake handshake,
            EngineSettings settings,
            ChunkPool pool,
            ScheduledExecutorService timer) {
        this.transport = transport;
        this.handshake = handshake;
        this.settings = settings;
        this.pool = pool;
        this.timer = timer;
    }

    @Override
    public void run() {
        reader = Thread.currentThread();
        try (transport) {
            Receiver receiver = new Receiver(pool, transport);
            Wire wire = new Wire(pool, receiver, transport);
            Agreement agreement = null;
            try {
                agreement = shakeHands(wire);
            } finally {
                if (agreement == null) {
                    receiver.close();
                }
            }
            if (agreement == null) {
                wire.transport().stopWriting();
            } else {
                serve(receiver, wire.transport(), agreement);
            }
        } catch (ProtocolException e) {
            LOG.warn("{} is cut off during the handshake: {}", transport.peer(), e.getMessage());
        } catch (IOException e) {
            LOG.debug("{} left during the handshake: {}", transport.peer(), e.toString());
        } catch (RuntimeException | Error e) {
            LOG.error("{} is cut off by a fault of the server", transport.peer(), e);
        }
    }

    private Agreement shakeHands(Wire wire) throws IOException {
        Future<?> deadline = timer.schedule(
                () -> {
                    LOG.warn(
                            "{} is cut off: its handshake took over {} s",
                            transport.peer(),
                            settings.handshakeTimeout().toSeconds());
                    transport.close();
                },
                settings.handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
        try (wire) {
            return handshake.perform(wire, this);
        } finally {
            deadline.cancel(false);
        }
    }

    private void serve(Receiver receiver, Transport carrier, Agreement agreement) {
        OpenExport export = agreement.export();
        boolean clean = false;
        try {
            Thread.currentThread().setName("nbd-" + transport.peer() + "-" + export.name());
            LOG.debug("{} uses {} ({})", transport.peer(), export.name(), agreement.mode());
            Transmission t = new Transmission(
                    carrier, receiver, export, agreement.mode(), agreement.blockStatus(), settings, pool);
            transmission = t;
            clean = t.run();
        } finally {
            export.close(clean);
            LOG.debug("{} has left {}{}", transport.peer(), export.name(), clean ? "" : " without a goodbye");
        }
    }

    @Override
    public void revoked(String reason) {
        LOG.info("{} is cut off: {}", transport.peer(), reason);
        Transmission t = transmission;
        if (t != null) {
            t.discard();
        }
        transport.close();
    }

    /** Looks after it now and then: fails requests that have been with the volume for too long, gives up what it does not need. */
    void look(long now) {
        Transmission t = transmission;
        if (t == null) {
            return;
        }
        if (!t.expire(now)) {
            transport.close();
        }
        t.trim();
    }

    /** Takes no further request; what is in flight is answered. */
    void finish() {
        if (transmission != null) {
            transport.stopReading();
        } else {
            transport.close();
        }
    }

    /** Ends at once, whatever is in flight. */
    void abandon() {
        Transmission t = transmission;
        Thread r = reader;
        if (t != null && r != null) {
            t.abandon(r);
        }
        transport.close();
    }
}
