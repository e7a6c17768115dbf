package org.nbdrunner.rpc.internal;

import com.google.gson.FormattingStyle;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nbdrunner.api.control.BackstoreInfo;
import org.nbdrunner.api.control.BackstoreState;
import org.nbdrunner.api.control.HandlerInfo;
import org.nbdrunner.api.control.HandlerState;
import org.nbdrunner.api.control.HandlerTypes;

/** Listings as JSON, in the style of json-c, which the C project's clients print as it is. */
final class Listing {
    private static final Gson JSON_C = new GsonBuilder()
            .setFormattingStyle(FormattingStyle.PRETTY.withIndent("  ").withSpaceAfterSeparators(false))
            .disableHtmlEscaping()
            .create();

    private Listing() {}

    /** Backstores; version 2 has their handler's name besides its number. */
    static String text(int version, List<BackstoreInfo> backstores) {
        if (backstores.isEmpty()) {
            return "";
        }
        JsonObject all = new JsonObject();
        for (BackstoreInfo b : backstores) {
            JsonObject o = new JsonObject();
            o.addProperty("type", b.type());
            if (version != Program.VERSION_1) {
                o.addProperty("handler", b.handler());
            }
            o.addProperty("nbd", b.device());
            o.addProperty("maptime", b.mapTime());
            o.addProperty("size", b.size());
            o.addProperty("blksize", b.blockSize());
            o.addProperty("timeout", b.timeout());
            o.addProperty("readonly", b.readOnly());
            o.addProperty("prealloc", b.preallocated());
            o.addProperty("status", b.state().text());
            all.add(b.key(), o);
        }
        return write(all);
    }

    private static String write(JsonObject o) {
        return JSON_C.toJson(o).replace("/", "\\/"); // a slash stands nowhere but in strings
    }

    static List<BackstoreInfo> parse(String text) throws IOException {
        List<BackstoreInfo> all = new ArrayList<>();
        if (text.isBlank()) {
            return all;
        }
        try {
            for (Map.Entry<String, JsonElement> e :
                    JsonParser.parseString(text).getAsJsonObject().entrySet()) {
                JsonObject o = e.getValue().getAsJsonObject();
                int type = o.get("type").getAsInt();
                String handler = o.has("handler")
                        ? o.get("handler").getAsString()
                        : HandlerTypes.name(type).orElse("type " + type);
                all.add(new BackstoreInfo(
                        handler,
                        type,
                        e.getKey(),
                        BackstoreState.parse(o.get("status").getAsString()),
                        o.get("nbd").getAsString(),
                        o.get("maptime").getAsString(),
                        o.get("size").getAsLong(),
                        o.get("blksize").getAsInt(),
                        o.get("timeout").getAsInt(),
                        o.get("readonly").getAsBoolean(),
                        o.get("prealloc").getAsBoolean()));
            }
        } catch (JsonParseException | IllegalStateException | NullPointerException | IllegalArgumentException e) {
            throw new IOException("the runner's list cannot be understood", e);
        }
        return all;
    }

    static String handlersText(List<HandlerInfo> handlers) {
        JsonObject all = new JsonObject();
        for (HandlerInfo h : handlers) {
            JsonObject o = new JsonObject();
            o.addProperty("type", h.type());
            o.addProperty("backstores", h.backstores());
            o.addProperty("version", h.version());
            o.addProperty("bundle", h.bundle());
            o.addProperty("state", h.state().text());
            o.addProperty("exports", h.exports());
            o.addProperty("inflight", h.inFlight());
            o.addProperty("remark", h.remark());
            all.add(h.name(), o);
        }
        return write(all);
    }

    static List<HandlerInfo> parseHandlers(String text) throws IOException {
        List<HandlerInfo> all = new ArrayList<>();
        try {
            for (Map.Entry<String, JsonElement> e :
                    JsonParser.parseString(text).getAsJsonObject().entrySet()) {
                JsonObject o = e.getValue().getAsJsonObject();
                all.add(handler(
                        new HandlerInfo(
                                e.getKey(),
                                o.get("type").getAsInt(),
                                o.get("backstores").getAsInt()),
                        o));
            }
        } catch (JsonParseException | IllegalStateException | NullPointerException | IllegalArgumentException e) {
            throw new IOException("the runner's list of handlers cannot be understood", e);
        }
        return all;
    }

    /** The same with what a runner of 1.1 tells besides. */
    private static HandlerInfo handler(HandlerInfo h, JsonObject o) {
        return new HandlerInfo(
                h.name(),
                h.type(),
                h.backstores(),
                o.has("version") ? o.get("version").getAsString() : h.version(),
                o.has("bundle") ? o.get("bundle").getAsLong() : h.bundle(),
                o.has("state") ? HandlerState.parse(o.get("state").getAsString()) : h.state(),
                o.has("exports") ? o.get("exports").getAsInt() : h.exports(),
                o.has("inflight") ? o.get("inflight").getAsInt() : h.inFlight(),
                o.has("remark") ? o.get("remark").getAsString() : h.remark());
    }
}
