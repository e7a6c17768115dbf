package org.nbdrunner.handler.azblk.internal;

import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpResponse.BodyHandler;

/** The bodies of one attempt at a call. */
interface Transfer {

    /** Bytes of the body that is sent. */
    long length();

    /** The body that is sent. */
    BodyPublisher publisher();

    /** Takes the body that comes; gives what of it is not put elsewhere. */
    BodyHandler<String> handler();

    /** The attempt is over, whether the client has noticed or not: no buffer of anybody else is touched after this has returned. */
    void end();
}
