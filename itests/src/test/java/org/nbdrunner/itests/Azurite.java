package org.nbdrunner.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An emulator of Azure's Blob service, in a process of its own. */
public final class Azurite implements AutoCloseable {
    private static final String SCRIPT =
            Runner.ITESTS.resolve("services/azurite.sh").toString();
    private static final Pattern SETTING = Pattern.compile("(\\w+)='(.*)'");

    final Path directory;
    private final Map<String, String> settings = new HashMap<>();

    /**
     * Starts it.
     *
     * @param environment settings of the script
     * @throws Exception if it cannot be had
     */
    public Azurite(Map<String, String> environment) throws Exception {
        directory = Files.createTempDirectory("azurite-it");
        int port = Runner.freePorts(1).get(0);
        take(Tool.run(environment, List.of(SCRIPT, "up", directory.toString(), "" + port)));
    }

    private void take(Tool.Result result) {
        for (String line : result.ok().out().split("\n", -1)) {
            Matcher m = SETTING.matcher(line);
            if (m.matches()) {
                settings.put(m.group(1), m.group(2));
            }
        }
    }

    String setting(String name) {
        return settings.get("AZURITE_" + name);
    }

    /** The name of a blob, without options. */
    String key(String blob) {
        return setting("URL").replaceFirst("https?://", "") + "/" + blob;
    }

    /**
     * The name of a blob, with a SAS for all.
     *
     * @param blob its own name
     * @return a cfgstring
     */
    public String cfg(String blob) {
        return key(blob) + ";sas=" + setting("SAS") + ";http";
    }

    /**
     * The name of a blob, with a SAS with which it can be resized too.
     *
     * @param blob its own name
     * @return a cfgstring
     */
    public String resizable(String blob) {
        return key(blob) + ";sas=" + setting("CONTAINER_SAS") + ";http";
    }

    /** A SAS that ends soon. */
    String sas(String permissions, int seconds) throws IOException, InterruptedException {
        return Tool.run(SCRIPT, "sas", directory.toString(), permissions, "" + seconds)
                .ok()
                .out()
                .strip();
    }

    void restart() throws IOException, InterruptedException {
        take(Tool.run(SCRIPT, "restart", directory.toString()));
    }

    /** Asks the service for a change directly. */
    void ask(String blob, String query, String... headers) throws IOException, InterruptedException {
        curl("PUT", blob, query + "&", headers);
    }

    /** Deletes a blob behind the handler's back. */
    void delete(String blob) throws IOException, InterruptedException {
        curl("DELETE", blob, "");
    }

    /** Takes a blob's lease from who has it; gives the new one. */
    String steal(String blob) throws IOException, InterruptedException {
        ask(blob, "comp=lease", "x-ms-lease-action: break", "x-ms-lease-break-period: 0");
        String thief = UUID.randomUUID().toString();
        ask(
                blob,
                "comp=lease",
                "x-ms-lease-action: acquire",
                "x-ms-lease-duration: -1",
                "x-ms-proposed-lease-id: " + thief);
        return thief;
    }

    private void curl(String method, String blob, String query, String... headers)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("curl", "-sfS", "-X", method, "-H", "x-ms-version: 2018-03-28"));
        command.addAll(List.of("-H", "Content-Length: 0"));
        for (String header : headers) {
            command.addAll(List.of("-H", header));
        }
        command.add(setting("URL") + "/" + blob + "?" + query + setting("SAS"));
        Tool.run(Map.of(), command).ok();
    }

    @Override
    public void close() throws IOException {
        try {
            Tool.run(SCRIPT, "down", directory.toString()).ok();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runner.delete(directory);
    }
}
