package org.nbdrunner.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/** Collects the metatypes of the bundles in some directories, without installing them. */
final class MetatypeReader {
    private static final String FOLDER = "OSGI-INF/metatype/";

    private final XMLInputFactory xml = XMLInputFactory.newFactory();
    private final Map<String, Metatype> metatypes = new TreeMap<>();

    MetatypeReader() {
        xml.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        xml.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    }

    /**
     * Adds the bundles of a directory. Where several have a metatype for one PID, a key is known if one of them has it.
     *
     * @param directory of jars; need not exist
     * @return this
     * @throws IOException if the directory cannot be read; a jar that cannot be is passed over, for its installation will tell
     */
    MetatypeReader add(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return this;
        }
        try (Stream<Path> files = Files.list(directory)) {
            files.filter(file -> file.toString().endsWith(".jar")).sorted().forEach(this::addJar);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return this;
    }

    /**
     * What was found.
     *
     * @return by PID
     */
    Map<String, Metatype> metatypes() {
        return metatypes;
    }

    private void addJar(Path file) {
        try (JarFile jar = new JarFile(file.toFile(), false)) {
            List<ZipEntry> entries = new ArrayList<>();
            jar.stream()
                    .filter(entry -> entry.getName().startsWith(FOLDER)
                            && entry.getName().endsWith(".xml"))
                    .forEach(entries::add);
            for (ZipEntry entry : entries) {
                try (InputStream in = jar.getInputStream(entry)) {
                    addDocument(in);
                }
            }
        } catch (IOException | XMLStreamException e) {
            // A jar that is not whole. If it is needed, its installation fails and says so.
        }
    }

    private void addDocument(InputStream in) throws XMLStreamException {
        XMLStreamReader reader = xml.createXMLStreamReader(in);
        Map<String, Map<String, Metatype.Attribute>> definitions = new HashMap<>();
        List<Designate> designates = new ArrayList<>();
        Map<String, Metatype.Attribute> current = new LinkedHashMap<>();
        List<String> options = new ArrayList<>();
        while (reader.hasNext()) {
            if (reader.next() != XMLStreamReader.START_ELEMENT) {
                continue;
            }
            switch (reader.getLocalName()) {
                case "OCD" -> {
                    current = new LinkedHashMap<>();
                    definitions.put(attribute(reader, "id"), current);
                }
                case "AD" -> {
                    options = new ArrayList<>();
                    current.put(attribute(reader, "id"), attributeDefinition(reader, options));
                }
                case "Option" -> options.add(attribute(reader, "value"));
                case "Designate" ->
                    designates.add(new Designate(attribute(reader, "pid"), attribute(reader, "factoryPid")));
                case "Object" -> {
                    Designate designate = designates.get(designates.size() - 1);
                    add(designate, definitions.getOrDefault(attribute(reader, "ocdref"), Map.of()));
                }
                default -> {
                    // Icons and what extensions there may be.
                }
            }
        }
    }

    private static Metatype.Attribute attributeDefinition(XMLStreamReader reader, List<String> options) {
        String cardinality = attribute(reader, "cardinality");
        boolean scalar = cardinality.isEmpty() || cardinality.equals("0");
        return new Metatype.Attribute(
                scalar ? attribute(reader, "type") : "", attribute(reader, "min"), attribute(reader, "max"), options);
    }

    private void add(Designate designate, Map<String, Metatype.Attribute> attributes) {
        boolean factory = !designate.factoryPid().isEmpty();
        Metatype found = new Metatype(factory, attributes);
        metatypes.merge(factory ? designate.factoryPid() : designate.pid(), found, MetatypeReader::union);
    }

    private static Metatype union(Metatype one, Metatype other) {
        Map<String, Metatype.Attribute> attributes = new LinkedHashMap<>(one.attributes());
        attributes.putAll(other.attributes());
        return new Metatype(one.factory() || other.factory(), attributes);
    }

    private static String attribute(XMLStreamReader reader, String name) {
        String value = reader.getAttributeValue(null, name);
        return value == null ? "" : value;
    }

    private record Designate(String pid, String factoryPid) {}
}
