package org.nbdrunner.launcher;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** Reads the key=value files in {@code conf/}, which are UTF-8. */
final class PropertiesFile {
    private PropertiesFile() {}

    /**
     * Reads a file.
     *
     * @param file the file
     * @param layout for messages
     * @return its entries, by key
     * @throws StartException if it cannot be read
     */
    static Map<String, String> read(Path file, Layout layout) throws StartException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (NoSuchFileException e) {
            throw new StartException(layout.display(file) + " is missing", e);
        } catch (CharacterCodingException e) {
            throw new StartException(layout.display(file) + " is not UTF-8 text", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new StartException("cannot read " + layout.display(file) + ": " + e.getMessage(), e);
        }
        Map<String, String> entries = new TreeMap<>();
        properties.stringPropertyNames().forEach(key -> entries.put(key, properties.getProperty(key)));
        return entries;
    }
}
