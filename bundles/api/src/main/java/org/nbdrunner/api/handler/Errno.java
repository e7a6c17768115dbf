package org.nbdrunner.api.handler;

import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.TimeoutException;

/**
 * Error numbers, with Linux's values. Control answers carry them negated; NBD replies carry the nearest of the few numbers that the
 * protocol knows.
 *
 * @see <a href="https://man7.org/linux/man-pages/man3/errno.3.html">errno(3)</a>
 */
public enum Errno {
    /** Operation not permitted. */
    EPERM(1),
    /** No such file or directory. */
    ENOENT(2),
    /** Input/output error. */
    EIO(5),
    /** Try again. */
    EAGAIN(11),
    /** Out of memory. */
    ENOMEM(12),
    /** Permission denied. */
    EACCES(13),
    /** Device or resource busy. */
    EBUSY(16),
    /** File exists. */
    EEXIST(17),
    /** No such device. */
    ENODEV(19),
    /** Not a directory. */
    ENOTDIR(20),
    /** Is a directory. */
    EISDIR(21),
    /** Invalid argument. */
    EINVAL(22),
    /** File too large. */
    EFBIG(27),
    /** No space left on device. */
    ENOSPC(28),
    /** Read-only file system. */
    EROFS(30),
    /** File name too long. */
    ENAMETOOLONG(36),
    /** Directory not empty. */
    ENOTEMPTY(39),
    /** Value too large for defined data type. */
    EOVERFLOW(75),
    /** Operation not supported. */
    ENOTSUP(95),
    /** Transport endpoint is not connected. */
    ENOTCONN(107),
    /** Cannot send after transport endpoint shutdown. */
    ESHUTDOWN(108),
    /** Connection timed out. */
    ETIMEDOUT(110),
    /** Connection refused. */
    ECONNREFUSED(111),
    /** No route to host. */
    EHOSTUNREACH(113),
    /** Disk quota exceeded. */
    EDQUOT(122);

    private static final Errno[] BY_NUMBER = byNumber();

    private final int number;

    Errno(int number) {
        this.number = number;
    }

    private static Errno[] byNumber() {
        Errno[] all = new Errno[128];
        for (Errno e : values()) {
            all[e.number] = e;
        }
        return all;
    }

    /**
     * Linux's number.
     *
     * @return positive
     */
    public int number() {
        return number;
    }

    /**
     * The constant of a number.
     *
     * @param number positive or, as C functions return it, negative
     * @return the constant; {@link #EIO} for a number that is none of them
     */
    public static Errno of(int number) {
        long n = Math.abs((long) number);
        Errno e = n < BY_NUMBER.length ? BY_NUMBER[(int) n] : null;
        return e == null ? EIO : e;
    }

    /**
     * The number that fits an exception: that of a {@link StorageException}, the usual one for the exceptions of {@code java.nio.file},
     * {@link #ENOMEM} for a lack of memory, {@link #ENOTSUP} for an unsupported operation, and {@link #EIO} for all others.
     *
     * @param t the exception
     * @return its number
     */
    public static Errno of(Throwable t) {
        if (t instanceof StorageException s) {
            return s.errno();
        } else if (t instanceof NoSuchFileException) {
            return ENOENT;
        } else if (t instanceof FileAlreadyExistsException) {
            return EEXIST;
        } else if (t instanceof AccessDeniedException) {
            return EACCES;
        } else if (t instanceof NotDirectoryException) {
            return ENOTDIR;
        } else if (t instanceof DirectoryNotEmptyException) {
            return ENOTEMPTY;
        } else if (t instanceof FileSystemException f && f.getReason() != null) {
            return ofReason(f.getReason());
        } else if (t instanceof OutOfMemoryError) {
            return ENOMEM;
        } else if (t instanceof UnsupportedOperationException) {
            return ENOTSUP;
        } else if (t instanceof TimeoutException) {
            return ETIMEDOUT;
        } else if (t instanceof java.io.IOException && t.getMessage() != null) {
            return ofReason(t.getMessage());
        }
        return EIO;
    }

    /** The JDK gives most errors of a file system as strerror's text only. */
    private static Errno ofReason(String reason) {
        return switch (reason) {
            case "No space left on device" -> ENOSPC;
            case "Disk quota exceeded" -> EDQUOT;
            case "Read-only file system" -> EROFS;
            case "Is a directory" -> EISDIR;
            case "Not a directory" -> ENOTDIR;
            case "File name too long" -> ENAMETOOLONG;
            case "File too large" -> EFBIG;
            case "Operation not permitted" -> EPERM;
            case "Cannot allocate memory" -> ENOMEM;
            default -> EIO;
        };
    }

    /**
     * A text for a user: the message of the exception, or its class where it has none.
     *
     * @param t the exception
     * @return never empty
     */
    public static String describe(Throwable t) {
        String message = t.getMessage();
        if (message == null || message.isBlank()) {
            return t.getCause() == null ? t.getClass().getSimpleName() : describe(t.getCause());
        }
        return t instanceof StorageException ? message : t.getClass().getSimpleName() + ": " + message;
    }
}
