package org.nbdrunner.deployer.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.osgi.framework.Bundle;
import org.osgi.framework.Version;

/**
 * A revision of a bundle that has worked.
 *
 * @param bundle the bundle
 * @param modified when it was installed or updated, in ms: tells its revisions apart
 * @param version of this revision
 * @param copy a jar of this revision
 */
record Revision(Bundle bundle, long modified, Version version, Path copy) {

    /** Keeps the present revision of a bundle. */
    static Revision keep(Bundle bundle, Path directory) throws IOException {
        long modified = bundle.getLastModified();
        Files.createDirectories(directory);
        Path copy = directory.resolve(bundle.getBundleId() + "-" + modified + ".jar");
        if (!Files.exists(copy)) {
            BundleCopy.write(bundle, copy);
        }
        return new Revision(bundle, modified, bundle.getVersion(), copy);
    }

    boolean isOf(Bundle other) {
        return bundle.equals(other) && modified == other.getLastModified();
    }

    /** Whether it has the same content as another one. */
    boolean isSameAs(Revision other) throws IOException {
        return Files.mismatch(copy, other.copy()) < 0;
    }

    /** It is not needed any more. */
    void drop() throws IOException {
        Files.deleteIfExists(copy);
    }

    @Override
    public String toString() {
        return bundle.getSymbolicName() + " " + version;
    }
}
