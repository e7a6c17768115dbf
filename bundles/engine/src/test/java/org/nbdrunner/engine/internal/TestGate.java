package org.nbdrunner.engine.internal;

import org.nbdrunner.api.handler.StorageException;

/** A gate that a test closes and opens. */
final class TestGate {
    private boolean open = true;
    private StorageException failure;
    private int waiting;

    synchronized void shut() {
        open = false;
        failure = null;
    }

    synchronized void open() {
        open = true;
        notifyAll();
    }

    /** Whoever waits has waited too long. */
    synchronized void fail(StorageException e) {
        failure = e;
        notifyAll();
    }

    synchronized boolean isOpen() {
        return open;
    }

    /** How many connections stand before the closed gate. */
    synchronized int waiting() {
        return waiting;
    }

    synchronized void await() throws StorageException, InterruptedException {
        waiting++;
        try {
            while (!open) {
                if (failure != null) {
                    throw failure;
                }
                wait();
            }
        } finally {
            waiting--;
        }
    }
}
