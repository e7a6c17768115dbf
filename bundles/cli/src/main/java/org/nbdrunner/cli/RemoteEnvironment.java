package org.nbdrunner.cli;

import java.io.PrintStream;
import java.util.List;
import org.nbdrunner.api.control.Control;
import org.nbdrunner.api.control.ControlException;
import org.nbdrunner.api.control.HandlerAdmin;
import org.nbdrunner.commands.Environment;
import org.nbdrunner.netlink.KernelMapper;
import org.nbdrunner.netlink.Mapper;
import org.nbdrunner.rpc.RpcControl;
import org.nbdrunner.rpc.RunnerAddress;

/** A runner across the network, and this machine's kernel. */
final class RemoteEnvironment implements Environment, AutoCloseable {
    private static final List<String> KNOWN_HANDLERS = List.of("azblk", "ceph", "dummy", "file", "gluster");

    private final PrintStream out;
    private final PrintStream err;
    private RpcControl control;

    RemoteEnvironment(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Control control(String host) throws ControlException {
        return runner(host);
    }

    @Override
    public HandlerAdmin handlerAdmin(String host) throws ControlException {
        return runner(host);
    }

    private RpcControl runner(String host) throws ControlException {
        if (control == null) {
            control = new RpcControl(RunnerAddress.parse(host.isEmpty() ? "localhost" : host));
        }
        return control;
    }

    @Override
    public Mapper mapper() {
        return new KernelMapper();
    }

    /** Those that a distribution may have; asking a runner for its own would make help depend on one. */
    @Override
    public List<String> handlers() {
        return KNOWN_HANDLERS;
    }

    @Override
    public PrintStream out() {
        return out;
    }

    @Override
    public PrintStream err() {
        return err;
    }

    /** Java can tell of both streams together only; the script tells of this one. */
    @Override
    public boolean terminal() {
        return Boolean.getBoolean("nbd.terminal");
    }

    @Override
    public void close() {
        if (control != null) {
            control.close();
        }
    }
}
