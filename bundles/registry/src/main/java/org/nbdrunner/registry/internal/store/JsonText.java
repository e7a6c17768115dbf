package org.nbdrunner.registry.internal.store;

import com.google.gson.FormattingStyle;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.Strictness;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;

/** JSON as the C project's json-c prints it, byte for byte, so that both can share a file and its diffs stay small. */
final class JsonText {
    private static final Gson GSON = new GsonBuilder()
            .setFormattingStyle(FormattingStyle.PRETTY.withIndent("  ").withSpaceAfterSeparators(false))
            .disableHtmlEscaping()
            .serializeNulls()
            .create();

    private static final TypeAdapter<JsonElement> SCALARS = GSON.getAdapter(JsonElement.class);

    private JsonText() {}

    /** A slash occurs inside strings only, so it can be escaped in the finished text. */
    static String print(JsonObject object) {
        return GSON.toJson(object).replace("/", "\\/");
    }

    /**
     * Reads one object and nothing after it.
     *
     * @throws IOException with the place, if the text is no JSON by RFC 8259, is no object, or names a member twice
     */
    static JsonObject parse(String text) throws IOException {
        JsonReader in = new JsonReader(new StringReader(text));
        in.setStrictness(Strictness.STRICT);
        try {
            if (in.peek() != JsonToken.BEGIN_OBJECT) {
                throw new MalformedJsonException("it does not begin with {");
            }
            JsonObject object = object(in);
            if (in.peek() != JsonToken.END_DOCUMENT) {
                throw new MalformedJsonException("something follows the closing }");
            }
            return object;
        } catch (MalformedJsonException | EOFException e) {
            // Further lines of the message point to the parser's own documentation.
            throw new IOException(e.getMessage().lines().findFirst().orElse("no JSON"), e);
        }
    }

    private static JsonElement read(JsonReader in) throws IOException {
        return switch (in.peek()) {
            case BEGIN_OBJECT -> object(in);
            case BEGIN_ARRAY -> array(in);
            default -> SCALARS.read(in);
        };
    }

    private static JsonObject object(JsonReader in) throws IOException {
        JsonObject object = new JsonObject();
        in.beginObject();
        while (in.hasNext()) {
            String name = in.nextName();
            if (object.has(name)) {
                throw new MalformedJsonException("\"" + name + "\" occurs twice in the same object");
            }
            object.add(name, read(in));
        }
        in.endObject();
        return object;
    }

    private static JsonArray array(JsonReader in) throws IOException {
        JsonArray array = new JsonArray();
        in.beginArray();
        while (in.hasNext()) {
            array.add(read(in));
        }
        in.endArray();
        return array;
    }
}
