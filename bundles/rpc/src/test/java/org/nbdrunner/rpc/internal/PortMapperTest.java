package org.nbdrunner.rpc.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.acplt.oncrpc.OncRpcException;
import org.acplt.oncrpc.XdrBufferDecodingStream;
import org.acplt.oncrpc.XdrBufferEncodingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PortMapperTest {
    private final ServerSocket listener = new ServerSocket();
    private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();
    private final CountDownLatch mayAnswer = new CountDownLatch(1);
    private volatile int refusedVersion;

    PortMapperTest() throws IOException {}

    /** An rpcbind that answers when it is told to. */
    @BeforeEach
    void start() throws IOException {
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        Thread t = new Thread(this::serve, "fake-rpcbind");
        t.setDaemon(true);
        t.start();
    }

    @AfterEach
    void stop() throws IOException {
        listener.close();
    }

    private void serve() {
        while (!listener.isClosed()) {
            try (Socket s = listener.accept()) {
                Records records = new Records(s, 20_000, 20_000);
                for (byte[] r = records.read(1024); r != null; r = records.read(1024)) {
                    mayAnswer.await();
                    XdrBufferEncodingStream reply = answer(r);
                    records.write(reply.getXdrData(), reply.getXdrLength());
                }
            } catch (IOException | OncRpcException e) {
                asked.add("the client left: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private XdrBufferEncodingStream answer(byte[] record) throws IOException, OncRpcException {
        XdrBufferDecodingStream in = new XdrBufferDecodingStream(record, record.length);
        in.beginDecoding();
        Call call = Call.decode(in);
        int program = in.xdrDecodeInt();
        int version = in.xdrDecodeInt();
        int protocol = in.xdrDecodeInt();
        int port = in.xdrDecodeInt();
        String what = (call.procedure() == 1 ? "set " : "unset ") + version;
        asked.add(program == Program.NUMBER && protocol == 6 ? what + " " + port : "nonsense");
        XdrBufferEncodingStream out = new XdrBufferEncodingStream(64);
        out.beginEncoding(null, 0);
        call.accept(out, Call.SUCCESS);
        out.xdrEncodeBoolean(version != refusedVersion);
        return out;
    }

    private PortMapper mapper() {
        return new PortMapper(4711, (InetSocketAddress) listener.getLocalSocketAddress());
    }

    private void expect(String... all) throws InterruptedException {
        for (String s : all) {
            assertEquals(s, asked.poll(20, TimeUnit.SECONDS));
        }
    }

    @Test
    void rpcbindIsToldWithoutWaitingForIt() throws Exception {
        PortMapper mapper = mapper();
        mayAnswer.countDown(); // not before the constructor has returned
        expect("unset 1 4711", "set 1 4711", "unset 2 4711", "set 2 4711");
        mapper.close();
        expect("unset 1 4711", "unset 2 4711");
    }

    @Test
    void whatItRefusesIsNotUndone() throws Exception {
        refusedVersion = 2;
        mayAnswer.countDown();
        PortMapper mapper = mapper();
        expect("unset 1 4711", "set 1 4711", "unset 2 4711", "set 2 4711");
        mapper.close();
        expect("unset 1 4711");
        assertNull(asked.poll());
    }
}
