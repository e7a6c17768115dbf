package org.nbdrunner.itests.jmh;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Capability;
import org.nbdrunner.api.handler.IoRequest;
import org.nbdrunner.api.handler.VolumeInfo;
import org.nbdrunner.engine.internal.EngineSettings;
import org.nbdrunner.engine.internal.memory.ChunkPool;
import org.nbdrunner.engine.internal.net.Receiver;
import org.nbdrunner.engine.internal.net.Transport;
import org.nbdrunner.engine.internal.transmission.ReplyMode;
import org.nbdrunner.engine.internal.transmission.Transmission;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the engine spends on a request besides system calls and copying: decoding, submitting, encoding, gathering. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TransmissionBenchmark {
    /** Requests of one run of the transmission phase. */
    private static final int REQUESTS = 100_000;

    private static final int BLOCK = 4096;

    private static final VolumeInfo INFO = VolumeInfo.builder(1L << 30)
            .with(Capability.FLUSH, Capability.MULTI_CONN)
            .build();

    private final ChunkPool pool = new ChunkPool(1 << 24);

    /** How many requests each read brings. */
    @Param({"1", "32"})
    public int batch;

    /** The command: 0 read, 1 write. */
    @Param({"0", "1"})
    public int command;

    /** The headers. */
    @Param({"SIMPLE", "STRUCTURED"})
    public ReplyMode mode;

    /**
     * Serves many requests from memory, to nowhere.
     *
     * @return whether the client said goodbye
     */
    @Benchmark
    @OperationsPerInvocation(REQUESTS)
    public boolean serve() {
        Transport transport = new Client(batch, command);
        Receiver receiver = new Receiver(pool, transport);
        return new Transmission(transport, receiver, new Nothing(), mode, false, EngineSettings.DEFAULT, pool).run();
    }

    /** Sends batches of requests, takes any reply. */
    private static final class Client implements Transport {
        private final ByteBuffer requests;
        private int left = REQUESTS;
        private final int batch;

        Client(int batch, int command) {
            this.batch = batch;
            requests = ByteBuffer.allocateDirect(batch * (28 + command * BLOCK));
            for (int i = 0; i < batch; i++) {
                int at = i * (28 + command * BLOCK);
                requests.putInt(at, 0x25609513)
                        .putInt(at + 4, command)
                        .putLong(at + 8, i)
                        .putLong(at + 16, (long) i * BLOCK)
                        .putInt(at + 24, BLOCK);
            }
            requests.position(requests.limit());
        }

        @Override
        public int read(ByteBuffer into) {
            if (!requests.hasRemaining()) {
                if (left <= 0) {
                    return -1;
                }
                left -= batch;
                requests.clear();
            }
            int n = Math.min(into.remaining(), requests.remaining());
            into.put(into.position(), requests, requests.position(), n);
            into.position(into.position() + n);
            requests.position(requests.position() + n);
            return n;
        }

        @Override
        public long read(ByteBuffer first, ByteBuffer second) {
            return read(first.hasRemaining() ? first : second);
        }

        @Override
        public void write(ByteBuffer[] from, int count) {
            for (int i = 0; i < count; i++) {
                from[i].position(from[i].limit());
            }
        }

        @Override
        public void stopReading() {}

        @Override
        public void stopWriting() {}

        @Override
        public void close() {}

        @Override
        public String peer() {
            return "memory";
        }
    }

    /** Completes everything at once and touches no data. */
    private static final class Nothing implements OpenExport {
        @Override
        public String name() {
            return "nothing";
        }

        @Override
        public VolumeInfo info() {
            return INFO;
        }

        @Override
        public boolean submit(IoRequest request) {
            request.complete();
            return true;
        }

        @Override
        public void completed() {}

        @Override
        public void awaitOpen() {}

        @Override
        public void close(boolean clean) {}
    }
}
