package org.nbdrunner.netlink;

import java.io.IOException;

/** Is told when mapped devices lose connections. Called by one thread at a time. */
public interface LinkListener {

    /**
     * A connection of a device died. It need not have been the only one, and the device may be on its way to being unmapped.
     *
     * @param device {@code /dev/nbdX}
     */
    void connectionDied(String device);

    /**
     * The kernel cannot be listened to any more; some deaths may have gone unheard. The watch has ended: look at all devices, and watch
     * anew.
     *
     * @param cause what went wrong
     */
    void watchFailed(IOException cause);
}
