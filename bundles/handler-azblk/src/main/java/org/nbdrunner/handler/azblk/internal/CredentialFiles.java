package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Pattern;
import org.nbdrunner.api.handler.Errno;
import org.nbdrunner.api.handler.StorageException;

/**
 * Credentials in files of one directory, so that they are on no command line and in no saved configuration. A file is a list of
 * {@code name = value} lines: {@code host} (with its port, if it is given one), and {@code sas}, or {@code key} with or without an
 * {@code account}. The host says whom the secret may be shown to: whoever reaches control can name a file, but not have it sent elsewhere.
 */
final class CredentialFiles {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.GROUP_READ,
            PosixFilePermission.GROUP_WRITE);

    private final Path directory;

    /** Files of a directory, which need not exist as long as none is named. */
    CredentialFiles(Path directory) {
        this.directory = directory;
    }

    static String checkName(String key, String name) throws StorageException {
        if (!NAME.matcher(name).matches()) {
            throw new StorageException(
                    Errno.EINVAL, key + ": Invalid auth argument, it must be the name of a file, without a directory");
        }
        return name;
    }

    /**
     * Reads a file.
     *
     * @param address names the file
     * @throws StorageException {@link Errno#EACCES} telling what is wrong with the file, and nothing that it holds
     */
    Credentials read(BlobAddress address) throws StorageException {
        Path file = directory.resolve(address.auth());
        Properties values = new Properties();
        try {
            Set<PosixFilePermission> mode = EnumSet.copyOf(Files.getPosixFilePermissions(file));
            mode.retainAll(OTHERS);
            if (!mode.isEmpty()) {
                throw refused(address, file, "others than its owner may read or write it: chmod 600 it", null);
            }
            try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
                values.load(reader);
            }
        } catch (NoSuchFileException e) {
            throw refused(address, file, "it does not exist", null);
        } catch (StorageException e) {
            throw e;
        } catch (IOException | IllegalArgumentException e) {
            throw refused(address, file, "it cannot be read", e instanceof IOException ? e : null);
        }
        String host = values.getProperty("host", "").strip();
        if (!host.toLowerCase(Locale.ROOT).equals(address.authority().toLowerCase(Locale.ROOT))) {
            throw refused(address, file, "it is not for this host: its host must be " + address.authority(), null);
        }
        String sas = values.getProperty("sas", "").strip();
        String key = values.getProperty("key", "").strip();
        if (sas.isEmpty() == key.isEmpty()) {
            throw refused(address, file, "it must have either a sas or a key", null);
        }
        if (!sas.isEmpty()) {
            return new Credentials.Sas(BlobAddress.checkSas(address.key(), address.url(), sas));
        }
        try {
            return new Credentials.SharedKey(
                    values.getProperty("account", address.account()).strip(),
                    Base64.getDecoder().decode(key));
        } catch (IllegalArgumentException e) {
            throw refused(address, file, "its key is not Base64", null);
        }
    }

    private static StorageException refused(BlobAddress address, Path file, String why, Throwable cause) {
        return new StorageException(Errno.EACCES, address + ": credentials file " + file + ": " + why, cause);
    }
}
