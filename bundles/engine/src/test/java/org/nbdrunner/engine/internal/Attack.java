package org.nbdrunner.engine.internal;

import java.io.IOException;

/** What a hostile client does. */
record Attack(String what, Act act) {

    /** Does it, and finds out what happened. */
    interface Act {

        /**
         * Attacks; fails if the server does not answer as it should.
         *
         * @param servers what can be attacked
         * @return what happened, for people
         */
        String on(Servers servers) throws Exception;
    }

    /**
     * The servers under attack.
     *
     * @param plain TLS is as the client likes
     * @param secure TLS is required
     * @param hasty as plain, but a handshake may only take a moment
     */
    record Servers(AttackedServer plain, AttackedServer secure, AttackedServer hasty) implements AutoCloseable {

        /** Checks that nobody who behaves has noticed anything, and that nothing is left of the attack. */
        void check() throws IOException {
            plain.check();
            secure.check();
            hasty.check();
        }

        @Override
        public void close() throws IOException {
            try (hasty;
                    secure) {
                plain.close();
            }
        }
    }

    @Override
    public String toString() {
        return what;
    }
}
