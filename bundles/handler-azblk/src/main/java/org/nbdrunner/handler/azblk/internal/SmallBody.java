package org.nbdrunner.handler.azblk.internal;

import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;

/** Nothing is sent; what comes is kept. */
final class SmallBody implements Transfer {
    @Override
    public long length() {
        return 0;
    }

    @Override
    public BodyPublisher publisher() {
        return BodyPublishers.noBody();
    }

    @Override
    public BodyHandler<String> handler() {
        return BodyHandlers.ofString();
    }

    @Override
    public void end() {}
}
