package org.nbdrunner.launcher.feature;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Reads feature files: OSGi Compendium R8, chapter 159, with the bundle start levels of chapter 160 ({@code bundleStartLevel}).
 * Mandatory extensions are refused.
 */
public final class FeatureReader {
    private static final String START_LEVEL = "bundleStartLevel";

    /** Members that describe the feature and change nothing. */
    private static final Set<String> DESCRIPTIVE = Set.of(
            "feature-resource-version",
            "id",
            "name",
            "description",
            "docURL",
            "license",
            "scm",
            "vendor",
            "categories",
            "complete");

    private static final Set<String> EFFECTIVE = Set.of("variables", "bundles", "configurations", "extensions");

    private final UnaryOperator<String> values;

    /**
     * A reader.
     *
     * @param values gives values of variables, which go before the defaults in the file, or null
     */
    public FeatureReader(UnaryOperator<String> values) {
        this.values = values;
    }

    /**
     * Reads a feature file.
     *
     * @param file {@code NAME.json}
     * @return the feature
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if it is not a feature file, or asks for what is not supported
     */
    public Feature read(Path file) throws IOException {
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            JsonObject feature = object(JsonParser.parseReader(reader), "the file");
            return read(file.getFileName().toString().replaceFirst("\\.json$", ""), feature);
        } catch (JsonParseException e) {
            // The first line says what and where; the second one is a link to the parser's manual.
            String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new IllegalArgumentException("not valid JSON: " + message.replaceFirst("^[\\w.]+Exception: ", ""), e);
        }
    }

    private Feature read(String name, JsonObject feature) {
        for (String member : feature.keySet()) {
            if (!DESCRIPTIVE.contains(member) && !EFFECTIVE.contains(member)) {
                throw new IllegalArgumentException("unknown member \"" + member + "\"");
            }
        }
        Feature.Artifact.parse(string(feature, "id"));
        refuseMandatoryExtensions(member(feature, "extensions"));
        return new Feature(
                name,
                bundles(feature.get("bundles")),
                new FeatureConfigurations(member(feature, "variables"), values)
                        .read(member(feature, "configurations")));
    }

    private static void refuseMandatoryExtensions(JsonObject extensions) {
        for (String name : extensions.keySet()) {
            JsonElement kind = member(extensions, name).get("kind");
            if (kind != null && kind.getAsString().equalsIgnoreCase("mandatory")) {
                throw new IllegalArgumentException("extension \"" + name + "\" is mandatory and not supported");
            }
        }
    }

    private static List<Feature.Entry> bundles(JsonElement bundles) {
        List<Feature.Entry> entries = new ArrayList<>();
        if (bundles == null) {
            return entries;
        }
        if (!(bundles instanceof JsonArray array)) {
            throw new IllegalArgumentException("\"bundles\" is not an array");
        }
        for (JsonElement element : array) {
            JsonObject bundle = object(element, "an element of \"bundles\"");
            entries.add(new Feature.Entry(Feature.Artifact.parse(string(bundle, "id")), startLevel(bundle)));
        }
        return List.copyOf(entries);
    }

    private static int startLevel(JsonObject bundle) {
        JsonElement level = bundle.get(START_LEVEL);
        if (level == null) {
            return 0;
        }
        try {
            int value = level.getAsBigDecimal().intValueExact();
            if (value > 0) {
                return value;
            }
        } catch (ArithmeticException | NumberFormatException | IllegalStateException e) {
            // Refused below, like a number out of bounds.
        }
        throw new IllegalArgumentException("\"" + START_LEVEL + "\" must be a positive integer, not " + level);
    }

    /**
     * A member that is an object.
     *
     * @param object of which
     * @param name the member's name
     * @return an empty object if there is no such member
     */
    static JsonObject member(JsonObject object, String name) {
        JsonElement element = object.get(name);
        return element == null ? new JsonObject() : object(element, "\"" + name + "\"");
    }

    private static JsonObject object(JsonElement element, String what) {
        if (element instanceof JsonObject object) {
            return object;
        }
        throw new IllegalArgumentException(what + " is not a JSON object");
    }

    private static String string(JsonObject object, String name) {
        if (object.get(name) instanceof JsonPrimitive primitive && primitive.isString()) {
            return primitive.getAsString();
        }
        throw new IllegalArgumentException("\"" + name + "\" is missing or not a string");
    }
}
