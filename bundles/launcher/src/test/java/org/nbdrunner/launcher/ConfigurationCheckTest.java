package org.nbdrunner.launcher;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigurationCheckTest {
    private static final String METATYPE = """
            <?xml version="1.0" encoding="UTF-8"?>
            <metatype:MetaData xmlns:metatype="http://www.osgi.org/xmlns/metatype/v1.4.0">
              <OCD id="c" name="n">
                <AD id="host" type="String" default="h"/>
                <AD id="port" type="Integer" min="0" max="65535"/>
                <AD id="size" type="Long"/>
                <AD id="ratio" type="Double" min="0.5"/>
                <AD id="flag" type="Boolean"/>
                <AD id="mode" type="String"><Option label="On" value="on"/><Option label="Off" value="off"/></AD>
                <AD id="list" type="Integer" cardinality="2147483647"/>
              </OCD>
              <Designate pid="PID"><Object ocdref="c"/></Designate>
            </metatype:MetaData>
            """;

    @TempDir
    private Path directory;

    private Home home;

    @BeforeEach
    void makeHome() throws Exception {
        home = new Home(directory);
        bundle(home.layout.system(), "one.jar", METATYPE.replace("\"PID\"", "\"org.one\""));
        bundle(
                home.layout.deploy(),
                "many.jar",
                METATYPE.replace("pid=\"PID\"", "factoryPid=\"org.many\"").replace("host", "name"));
        Files.writeString(home.layout.deploy().resolve("half.jar"), "not whole");
    }

    private static void bundle(Path directory, String name, String metatype) throws Exception {
        Home.jar(directory.resolve(name), Map.of("Bundle-SymbolicName", name), "OSGI-INF/metatype/x.xml", metatype);
    }

    private void check(String pid, String text) throws Exception {
        home.configuration(pid, text);
        Map<String, Metatype> metatypes = new MetatypeReader()
                .add(home.layout.system())
                .add(home.layout.deploy())
                .add(directory.resolve("none"))
                .metatypes();
        new ConfigurationCheck(metatypes, new Substitution(Map.of("p", "7")), home.layout).run();
    }

    private String complaint(String pid, String text) {
        return assertThrows(StartException.class, () -> check(pid, text)).getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "# nothing",
                "host=x\nport = 0\nsize=9999999999\nratio=0.5\nflag=true\nmode=off\nlist=1,2",
                "port=${p}",
                "port=${none:-65535}",
                "reference.target=(x=1)",
                "reference.cardinality.minimum=1"
            })
    void acceptsWhatBundlesKnow(String text) {
        assertDoesNotThrow(() -> check("org.one", text));
    }

    @Test
    void acceptsFactoryConfigurations() {
        assertDoesNotThrow(() -> check("org.many-first", "name=x"));
    }

    @Test
    void namesTheFileTheKeyAndTheKnownKeys() {
        assertEquals(
                "conf/org.one.cfg: unknown key hots (known are flag, host, list, mode, port, ratio, size)",
                complaint("org.one", "hots=x"));
        assertTrue(complaint("org.many-first", "host=x").startsWith("conf/org.many-first.cfg: unknown key host "));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    port=x          | port must be an integer from 0 to 65535, not "x"
                    port=65536      | port must be an integer from 0 to 65535, not "65536"
                    port=-1         | port must be an integer from 0 to 65535, not "-1"
                    port=${none}    | port must be an integer from 0 to 65535, not ""
                    size=1.5        | size must be an integer, not "1.5"
                    ratio=0.4       | ratio must be a number of at least 0.5, not "0.4"
                    flag=yes        | flag must be true or false, not "yes"
                    mode=auto       | mode must be one of on, off, not "auto"
                    """)
    void namesABadValue(String text, String reason) {
        assertEquals("conf/org.one.cfg: " + reason, complaint("org.one", text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"org.other", "org.many", "org.one-name"})
    void namesAFileThatNobodyReads(String pid) {
        String message = complaint(pid, "");
        assertEquals(
                "conf/" + pid + ".cfg: no bundle in system/ or deploy/ has such a configuration"
                        + " (known are org.many-NAME.cfg, org.one.cfg)",
                message);
    }
}
