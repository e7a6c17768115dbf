package org.nbdrunner.launcher.feature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FeatureReaderTest {
    @TempDir
    private Path directory;

    private Feature read(String json) throws Exception {
        Path file = Files.writeString(directory.resolve("test.json"), json);
        return new FeatureReader(Map.of("data", "/d$1")::get).read(file);
    }

    @Test
    void readsBundlesWithTheirStartLevels() throws Exception {
        Feature feature = read("""
                {
                  "feature-resource-version": "1.0",
                  "id": "g:a:osgifeature:test:1.0", // comments are allowed
                  "name": "n", "description": "d", "license": "l", "complete": true, "categories": ["c"],
                  /* so are these */
                  "bundles": [
                    {"id": "g:one:1.0.0", "bundleStartLevel": 3, "other": "metadata"},
                    {"id": "g:two:jar:2.0-SNAPSHOT"},
                    {"id": "g:three:jar:native:3.0"}
                  ],
                  "extensions": {"x": {"kind": "optional", "text": ["t"]}}
                }
                """);
        assertEquals("test", feature.name());
        assertEquals(
                List.of("one-1.0.0.jar 3", "two-2.0-SNAPSHOT.jar 0", "three-3.0-native.jar 0"),
                feature.bundles().stream()
                        .map(entry -> entry.artifact().fileName() + " " + entry.startLevel())
                        .toList());
        assertEquals(Map.of(), feature.configurations());
    }

    @Test
    void readsConfigurationsWithTheirTypes() throws Exception {
        Feature feature = read("""
                {
                  "id": "g:a:1",
                  "variables": {"data": "/default", "port": 7, "other": "o"},
                  "configurations": {
                    "pid": {
                      "directory": "${data}/files", "port:Integer": "${port}", "long": 5, "double": 1.5, "flag": true,
                      "text:String": 5, "list": ["a", "${other}"]
                    },
                    "factory~name": {}
                  }
                }
                """);
        assertEquals(
                List.of("factory~name", "pid"),
                feature.configurations().keySet().stream().sorted().toList());
        Map<String, Object> pid = feature.configurations().get("pid");
        assertEquals("/d$1/files", pid.get("directory"));
        assertEquals(7, pid.get("port"));
        assertEquals(5L, pid.get("long"));
        assertEquals(1.5, pid.get("double"));
        assertEquals(true, pid.get("flag"));
        assertEquals("5", pid.get("text"));
        assertArrayEquals(new String[] {"a", "o"}, (String[]) pid.get("list"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {                                                                            | not valid JSON:
                    ''                                                                           | the file is not a JSON object
                    []                                                                           | the file is not a JSON object
                    {"bundles": []}                                                              | "id" is missing or not a string
                    {"id": "x"}                                                                  | "x" is not group:artifact:version
                    {"id": "g:a:1", "bundels": []}                                               | unknown member "bundels"
                    {"id": "g:a:1", "bundles": {}}                                               | "bundles" is not an array
                    {"id": "g:a:1", "bundles": ["g:b:1"]}                                        | an element of "bundles" is not a JSON object
                    {"id": "g:a:1", "bundles": [{"id": "g:b"}]}                                  | "g:b" is not group:artifact:version
                    {"id": "g:a:1", "bundles": [{"id": "g::1"}]}                                 | "g::1" is not group:artifact:version
                    {"id": "g:a:1", "bundles": [{"id": "g:b:1", "bundleStartLevel": 0}]}         | "bundleStartLevel" must be a positive integer, not 0
                    {"id": "g:a:1", "bundles": [{"id": "g:b:1", "bundleStartLevel": "x"}]}       | "bundleStartLevel" must be a positive integer, not "x"
                    {"id": "g:a:1", "bundles": [{"id": "g:b:1", "bundleStartLevel": []}]}        | "bundleStartLevel" must be a positive integer, not []
                    {"id": "g:a:1", "extensions": {"x": {"kind": "MANDATORY"}}}                  | extension "x" is mandatory and not supported
                    {"id": "g:a:1", "variables": {"v": null}}                                    | variable "v" has no value
                    {"id": "g:a:1", "configurations": {"p": {"k": "${v}"}}}                      | configuration p, "k": unknown variable ${v}
                    {"id": "g:a:1", "configurations": {"p": {"k:Integer": "x"}}}                 | configuration p, "k:Integer": For input string: "x"
                    {"id": "g:a:1", "configurations": {"p": {"k:Integer[]": [1]}}}               | configuration p, "k:Integer[]": a value must be
                    {"id": "g:a:1", "configurations": {"p": {"k:Odd": "x"}}}                     | configuration p, "k:Odd": type Odd is not supported
                    """)
    void refusesWithAReason(String json, String reason) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> read(json));
        assertTrue(e.getMessage().startsWith(reason), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }
}
