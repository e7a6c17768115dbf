package org.nbdrunner.registry.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.nbdrunner.api.export.ExportListener;
import org.nbdrunner.api.export.Exports;
import org.nbdrunner.api.export.OpenExport;
import org.nbdrunner.api.handler.Cfgstring;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;
import org.nbdrunner.registry.internal.gate.Session;
import org.nbdrunner.registry.internal.handlers.HandlerTable;
import org.nbdrunner.registry.internal.store.SavedBackstore;

/** Finds the backstore of an export. */
final class RegistryExports implements Exports {
    private final Backstores backstores;
    private final HandlerTable handlers;

    /**
     * The exports of backstores.
     *
     * @param backstores all of them
     * @param handlers those present
     */
    RegistryExports(Backstores backstores, HandlerTable handlers) {
        this.backstores = backstores;
        this.handlers = handlers;
    }

    @Override
    public List<String> names() {
        return backstores.all().stream()
                .map(this::name)
                .flatMap(Optional::stream)
                .sorted()
                .toList();
    }

    private Optional<String> name(Backstore backstore) {
        SavedBackstore saved = backstore.saved();
        return Optional.ofNullable(saved)
                .map(s -> handlers.name(s.type()))
                .filter(handlers::isExpected)
                .map(handler -> handler + "/" + backstore.key());
    }

    @Override
    public OpenExport open(String name, ExportListener listener) throws StorageException {
        Objects.requireNonNull(listener, "listener");
        String full = name.isEmpty() ? only() : name;
        int slash = full.indexOf('/');
        String handler = slash < 0 ? "" : full.substring(0, slash);
        String key = full.substring(slash + 1);
        Backstore backstore = backstores.find(key);
        if (backstore == null || !backstore.isOf(handler)) {
            throw new StorageException(Errno.ENOENT, "there is no export " + full);
        }
        return handlers.use(
                handler, service -> backstores.exclusively(key, "opening it", b -> b.open(service, listener)));
    }

    private String only() throws StorageException {
        List<String> names = names();
        if (names.size() != 1) {
            throw new StorageException(
                    Errno.ENOENT,
                    names.isEmpty() ? "there are no exports" : "there are " + names.size() + " exports, name one");
        }
        return names.get(0);
    }

    @Override
    public OpenExport openMapped(String cfgstring, ExportListener listener) throws StorageException {
        Objects.requireNonNull(listener, "listener");
        String key = Cfgstring.parse(cfgstring).key();
        if (backstores.find(key) == null) {
            throw new StorageException(Errno.EINVAL, "No such device found: " + key);
        }
        List<Session> revoked = new ArrayList<>();
        try {
            return backstores.exclusively(key, "connecting to it", b -> b.openMapped(listener, revoked));
        } finally {
            revoked.forEach(Session::tellRevoked);
        }
    }
}
