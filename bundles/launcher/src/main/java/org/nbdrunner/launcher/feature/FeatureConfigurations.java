package org.nbdrunner.launcher.feature;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The configurations of a feature file, with its variables replaced. A value is a scalar or an array of strings, typed as the Configurator
 * specification (OSGi Compendium R8, chapter 150) has it: {@code "port:Integer": 1}.
 */
final class FeatureConfigurations {
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}");

    private final Map<String, String> variables;

    /**
     * For one feature file.
     *
     * @param declared its variables and their defaults
     * @param values gives values that go before the defaults, or null
     * @throws IllegalArgumentException if a variable has neither
     */
    FeatureConfigurations(JsonObject declared, UnaryOperator<String> values) {
        Map<String, String> result = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> variable : declared.entrySet()) {
            String name = variable.getKey();
            String value = values.apply(name);
            if (value == null && variable.getValue() instanceof JsonPrimitive primitive) {
                value = primitive.getAsString();
            }
            if (value == null) {
                throw new IllegalArgumentException("variable \"" + name + "\" has no value");
            }
            result.put(name, value);
        }
        this.variables = result;
    }

    /**
     * Reads the configurations.
     *
     * @param configurations the member of this name
     * @return properties by PID
     * @throws IllegalArgumentException if a value is of a kind that is not supported
     */
    Map<String, Map<String, Object>> read(JsonObject configurations) {
        Map<String, Map<String, Object>> result = new LinkedHashMap<>();
        for (String pid : configurations.keySet()) {
            Map<String, Object> properties = new LinkedHashMap<>();
            for (Map.Entry<String, JsonElement> entry :
                    FeatureReader.member(configurations, pid).entrySet()) {
                String[] keyAndType = entry.getKey().split(":", 2);
                String type = keyAndType.length == 2 ? keyAndType[1] : "";
                try {
                    properties.put(keyAndType[0], value(entry.getValue(), type));
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(
                            "configuration " + pid + ", \"" + entry.getKey() + "\": " + e.getMessage(), e);
                }
            }
            result.put(pid, Map.copyOf(properties));
        }
        return Map.copyOf(result);
    }

    private Object value(JsonElement element, String type) {
        if (element instanceof JsonArray array && (type.isEmpty() || type.equals("String[]"))) {
            return array.asList().stream().map(e -> substitute(e.getAsString())).toArray(String[]::new);
        }
        if (!(element instanceof JsonPrimitive primitive)) {
            throw new IllegalArgumentException("a value must be a string, a number, a boolean or an array of strings");
        }
        String text = substitute(primitive.getAsString());
        return switch (type.isEmpty() ? naturalType(primitive) : type) {
            case "String" -> text;
            case "Integer", "int" -> Integer.valueOf(text);
            case "Long", "long" -> Long.valueOf(text);
            case "Double", "double" -> Double.valueOf(text);
            case "Boolean", "boolean" -> Boolean.valueOf(text);
            default -> throw new IllegalArgumentException("type " + type + " is not supported");
        };
    }

    private static String naturalType(JsonPrimitive primitive) {
        if (primitive.isBoolean()) {
            return "Boolean";
        }
        if (primitive.isNumber()) {
            return new BigDecimal(primitive.getAsString()).scale() <= 0 ? "Long" : "Double";
        }
        return "String";
    }

    private String substitute(String text) {
        return VARIABLE.matcher(text).replaceAll(match -> {
            String value = variables.get(match.group(1));
            if (value == null) {
                throw new IllegalArgumentException("unknown variable " + match.group());
            }
            return Matcher.quoteReplacement(value);
        });
    }
}
