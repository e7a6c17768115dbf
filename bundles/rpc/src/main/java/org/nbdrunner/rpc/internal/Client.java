package org.nbdrunner.rpc.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerTypes;
import org.nbdrunner.api.control.Premapped;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.ProgressListener;

/** Turns operations into calls, in the version that the server knows. */
public final class Client implements AutoCloseable {
    /** Preallocating terabytes takes its time. */
    private static final int CREATE_MS = 24 * 3600 * 1000;

    private static final int CALL_MS = 120_000;
    private static final int PROGRESS_MS = 300;

    /** Addresses that mean all of a machine's own. */
    private static final Set<String> ANY = Set.of("0.0.0.0", "::", "0:0:0:0:0:0:0:0");

    private static final Pattern LOOPBACK = Pattern.compile("localhost|127[.][0-9.]+|::1|0:0:0:0:0:0:0:1");

    private final InetSocketAddress address;
    private final String host;
    private final Connection connection;
    private int version = Program.VERSION_2;

    /**
     * Connects.
     *
     * @param address where to
     * @param host the same as the user typed it: I/O is dialled there if the runner names no other host
     * @throws IOException if nobody answers there
     */
    public Client(InetSocketAddress address, String host) throws IOException {
        this.address = address;
        this.host = host;
        connection = new Connection(address, CALL_MS);
        if (connection.call(version, Program.NULL, new Arguments()) == null) {
            version = Program.VERSION_1;
        }
    }

    /**
     * Whether the server has kept the connection.
     *
     * @return false if a new client is needed
     */
    public boolean isOpen() {
        return connection.isOpen();
    }

    private Arguments arguments(String handler, String cfgstring) throws ControlException {
        Arguments a = new Arguments();
        if (version == Program.VERSION_1) {
            a.type = handler.isEmpty() ? HandlerTypes.ALL : HandlerTypes.type(handler);
        } else {
            a.handler = bounded("the name of the handler", handler, Program.HANDLER);
        }
        a.cfgstring = bounded("the name of the backstore", cfgstring, Cfgstring.MAX_BYTES);
        return a;
    }

    /** What would arrive as something else is not sent. */
    static String bounded(String what, String text, int maxBytes) throws ControlException {
        if (text.indexOf('\0') >= 0) {
            throw new ControlException(Errno.EINVAL, what + " has a NUL character");
        }
        if (text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            throw new ControlException(Errno.ENAMETOOLONG, what + " is over " + maxBytes + " bytes");
        }
        return text;
    }

    /** Version 1 has a NUL in the same space. */
    private int room(int space) {
        return version == Program.VERSION_1 ? space - 1 : space;
    }

    private String device(String device) throws ControlException {
        return bounded("the name of the device", device, room(Program.DEVICE));
    }

    private Answer call(int procedure, Arguments a) throws IOException, ControlException {
        return check(connection.call(version, procedure, a));
    }

    static Answer check(Answer answer) throws IOException, ControlException {
        if (answer == null) {
            throw new IOException("the runner does not know this command");
        }
        if (answer.exit != 0) {
            Errno errno = Errno.of(answer.exit);
            throw new ControlException(errno, answer.text.isEmpty() ? errno.toString() : answer.text);
        }
        return answer;
    }

    /** See Control. */
    public void create(String handler, String cfgstring, long size, boolean preallocate, ProgressListener progress)
            throws IOException, ControlException {
        Arguments a = arguments(handler, cfgstring);
        a.size = size;
        a.preallocate = preallocate;
        if (!preallocate) {
            call(Program.CREATE, a);
            return;
        }
        AtomicBoolean done = new AtomicBoolean();
        Thread watch = new Thread(() -> watch(a, progress, done), "nbd-progress");
        watch.setDaemon(true);
        if (version != Program.VERSION_1) {
            watch.start();
        }
        try (Connection own = new Connection(address, CREATE_MS)) {
            check(own.call(version, Program.CREATE, a));
        } finally {
            done.set(true);
            watch.interrupt();
        }
    }

    private void watch(Arguments a, ProgressListener progress, AtomicBoolean done) {
        try {
            while (!done.get()) {
                Thread.sleep(PROGRESS_MS);
                Answer answer = connection.call(version, Program.PROGRESS, a);
                if (answer != null && answer.exit == 0 && answer.blockSize > 0 && !done.get()) {
                    progress.progress(answer.size, answer.blockSize);
                }
            }
        } catch (IOException e) {
            done.set(true); // the creation itself will tell what is wrong
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Where I/O is dialled. A runner that control reached through a translated address may name what means something on its own machine only.
     *
     * @param named by the runner
     * @param control where control was reached
     * @param typed the same as the user typed it
     */
    static String ioHost(String named, InetAddress control, String typed) {
        boolean own = named.isEmpty()
                || ANY.contains(named)
                || (!control.isLoopbackAddress() && LOOPBACK.matcher(named).matches());
        return own ? typed : named;
    }

    /** See Control. */
    public void delete(String handler, String cfgstring) throws IOException, ControlException {
        call(Program.DELETE, arguments(handler, cfgstring));
    }

    /** See Control; null if the server is too old. */
    public String resize(String handler, String cfgstring, long size, boolean force)
            throws IOException, ControlException {
        if (version == Program.VERSION_1) {
            return null;
        }
        Arguments a = arguments(handler, cfgstring);
        a.size = size;
        a.force = force;
        Answer answer = connection.call(version, Program.RESIZE, a);
        return answer == null ? null : check(answer).text;
    }

    /** See Control. */
    public Premapped premap(String handler, String cfgstring, boolean readOnly, int timeout)
            throws IOException, ControlException {
        Arguments a = arguments(handler, cfgstring);
        a.readOnly = readOnly;
        a.timeout = timeout;
        Answer answer = connection.call(version, Program.PREMAP, a);
        String device = "";
        if (answer != null && answer.exit == -Errno.EEXIST.number() && answer.text.startsWith("/dev/")) {
            device = answer.text;
        } else {
            check(answer);
        }
        if (answer.port < 1 || answer.port > 65535 || answer.blockSize < 1 || answer.blockSize > Integer.MAX_VALUE) {
            throw new IOException(
                    "the runner names port " + answer.port + " and block size " + answer.blockSize + " for I/O");
        }
        return new Premapped(
                device,
                ioHost(answer.host, address.getAddress(), host),
                answer.port,
                answer.size,
                (int) answer.blockSize,
                answer.flags,
                Math.max(1, answer.connections));
    }

    /** See Control. */
    public void postmap(String handler, String cfgstring, String device, String mapTime)
            throws IOException, ControlException {
        Arguments a = arguments(handler, cfgstring);
        a.device = device(device);
        a.time = bounded("the time of the mapping", mapTime, room(Program.TIME));
        call(Program.POSTMAP, a);
    }

    /** See Control. */
    public String unmap(String handler, String cfgstring, String device) throws IOException, ControlException {
        Arguments a = arguments(handler, cfgstring);
        a.device = device(device);
        Answer answer = call(Program.UNMAP, a);
        return answer.text.startsWith("/dev/") ? answer.text : device;
    }

    /** See Control. */
    public List<BackstoreInfo> list(String handler) throws IOException, ControlException {
        return Listing.parse(call(Program.LIST, arguments(handler, "")).text);
    }

    /** See Control; null if the server is too old. */
    public List<HandlerInfo> handlers() throws IOException, ControlException {
        return version == Program.VERSION_1
                ? null
                : Listing.parseHandlers(call(Program.HANDLERS, new Arguments()).text);
    }

    /**
     * A client for the handlers' administration.
     *
     * @return connected
     * @throws ControlException {@link Errno#ENOTSUP} if the server is too old
     * @throws IOException if it cannot be reached any more
     */
    public AdminClient administration() throws IOException, ControlException {
        if (version == Program.VERSION_1) {
            throw AdminClient.tooOld();
        }
        return new AdminClient(address);
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (IOException e) {
            return; // nothing is lost with it
        }
    }
}
