package org.nbdrunner.handler.azblk.internal;

/**
 * How volumes use the service.
 *
 * @param inFlight calls, and so connections, of a volume at once
 * @param merge whether neighbouring small requests are merged
 * @param readAhead bytes read ahead at a time; 0 for none
 */
record Settings(int inFlight, boolean merge, int readAhead) {}
