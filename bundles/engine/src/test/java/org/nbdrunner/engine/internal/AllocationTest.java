package org.nbdrunner.engine.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nbdrunner.engine.internal.transmission.ReplyMode;

/** In a steady state the threads of a connection allocate nothing for a request, whoever answers it. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
final class AllocationTest {
    private static final int SIZE = 1 << 20;
    private static final int BLOCK = 4096;
    private static final int DEPTH = 32;
    private static final int REQUESTS = 200_000;
    private static final int WARM_UP = 100_000;

    /** Bytes for each request that are put down to what is not steady: a thread that was held up, a compiler that comes late. */
    private static final double MOST = 2;

    /** How often it may be measured until the compiler has done its work. */
    private static final int ATTEMPTS = 5;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @CsvSource({"mem/now,SIMPLE", "mem/now,EXTENDED", "mem/later,SIMPLE", "mem/later,EXTENDED"})
    void aRequestAllocatesNothing(String name, ReplyMode mode) throws IOException {
        try (ShufflingVolume later = new ShufflingVolume(new MemoryVolume(SIZE), 2, 8);
                TestServer server = new TestServer(new TestExports()
                        .with("mem/now", new MemoryVolume(SIZE))
                        .with("mem/later", later))) {
            RawClient client = server.open(name, mode);
            byte[] batch = batch(mode);
            work(client, batch, mode, WARM_UP);
            long[] threads = serving(client, name.equals("mem/later") ? 2 : 1);
            double each = MOST;
            for (int i = 0; i < ATTEMPTS && each >= MOST; i++) {
                long before = allocated(threads);
                work(client, batch, mode, REQUESTS);
                each = (allocated(threads) - before) / (double) REQUESTS;
            }
            System.out.println(name + ", " + mode + ": " + each + " bytes allocated for a request");
            assertTrue(each < MOST, each + " bytes for each request");
        }
    }

    /** What is allocated shows where it should. */
    @Test
    void anAllocationIsSeen() {
        long[] self = {Thread.currentThread().getId()};
        long before = allocated(self);
        byte[] some = new byte[1 << 20];
        assertTrue(allocated(self) - before >= some.length);
    }

    /** The threads that serve a client. */
    private static long[] serving(RawClient client, int count) {
        long[] ids = TestServer.threads().stream()
                .filter(t -> t.getName().startsWith("nbd-" + client.name() + "-"))
                .mapToLong(Thread::getId)
                .toArray();
        assertEquals(count, ids.length, "reader and writer");
        return ids;
    }

    private static long allocated(long... threads) {
        long all = 0;
        for (long bytes : THREADS.getThreadAllocatedBytes(threads)) {
            assertTrue(bytes >= 0, "the thread lives");
            all += bytes;
        }
        return all;
    }

    /** Reads and writes in turn; the cookie is the number in the batch. */
    private static byte[] batch(ReplyMode mode) {
        Bytes all = new Bytes();
        for (int i = 0; i < DEPTH; i++) {
            boolean write = i % 2 == 1;
            int type = write ? Nbd.CMD_WRITE : Nbd.CMD_READ;
            if (mode == ReplyMode.EXTENDED) {
                all.extendedRequest(write ? Nbd.CMD_FLAG_PAYLOAD_LEN : 0, type, i, (long) i * BLOCK, BLOCK);
            } else {
                all.request(0, type, i, (long) i * BLOCK, BLOCK);
            }
            all.raw(write ? new byte[BLOCK] : new byte[0]);
        }
        return all.array();
    }

    private static void work(RawClient client, byte[] batch, ReplyMode mode, int requests) throws IOException {
        DataInputStream in = new DataInputStream(client.in());
        byte[] data = new byte[8 + BLOCK];
        for (int done = 0; done < requests; done += DEPTH) {
            client.send(batch);
            long answered = 0;
            for (int i = 0; i < DEPTH; i++) {
                long cookie = mode == ReplyMode.EXTENDED ? extended(in, data) : simple(in, data);
                answered |= 1L << cookie;
            }
            assertEquals((1L << DEPTH) - 1, answered, "each request is answered");
        }
    }

    private static long simple(DataInputStream in, byte[] data) throws IOException {
        assertEquals(Nbd.SIMPLE_REPLY_MAGIC, in.readInt());
        assertEquals(0, in.readInt());
        long cookie = in.readLong();
        in.readFully(data, 0, cookie % 2 == 0 ? BLOCK : 0);
        return cookie;
    }

    private static long extended(DataInputStream in, byte[] data) throws IOException {
        assertEquals(Nbd.EXTENDED_REPLY_MAGIC, in.readInt());
        in.readInt();
        long cookie = in.readLong();
        in.readLong();
        int length = (int) in.readLong();
        assertEquals(cookie % 2 == 0 ? 8 + BLOCK : 0, length);
        in.readFully(data, 0, length);
        return cookie;
    }
}
