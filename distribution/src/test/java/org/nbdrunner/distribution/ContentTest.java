package org.nbdrunner.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What is packed is what is needed, and is accounted for. */
class ContentTest {
    private static final Pattern DESIGNATE =
            Pattern.compile("<Designate (?:factoryPid|pid)=\"(org\\.nbdrunner\\.[^\"]+)\"");
    private static final Pattern ATTRIBUTE = Pattern.compile("<AD [^>]*?\\bid=\"([^\"]+)\"");

    @Test
    void systemHoldsTheBundlesOfTheFeaturesAndNoOther() throws Exception {
        Set<String> named = new TreeSet<>();
        for (String feature : Distribution.names(Distribution.in("features"))) {
            try (Reader reader =
                    Files.newBufferedReader(Distribution.in("features").resolve(feature))) {
                JsonObject json = JsonParser.parseReader(reader).getAsJsonObject();
                for (JsonElement bundle : json.getAsJsonArray("bundles")) {
                    String[] id =
                            bundle.getAsJsonObject().get("id").getAsString().split(":", -1);
                    named.add(id[1] + "-" + id[2] + ".jar");
                }
            }
        }
        assertEquals(named, new TreeSet<>(Distribution.names(Distribution.in("system"))));
    }

    @Test
    void libHoldsTheClassPathsOfTheProgramsAndNothingElse() throws Exception {
        Set<String> wanted = new TreeSet<>();
        for (String program : List.of("nbd-runner.jar", "nbd-cli.jar")) {
            try (JarFile jar =
                    new JarFile(Distribution.in("lib").resolve(program).toFile())) {
                String classPath = jar.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
                wanted.add(program);
                wanted.addAll(List.of(classPath.split(" ", -1)));
            }
        }
        assertEquals(wanted, new TreeSet<>(Distribution.names(Distribution.in("lib"))));
    }

    @Test
    void theSameJarIsInSystemAndInLib() throws Exception {
        for (String name : Distribution.names(Distribution.in("lib"))) {
            Path system = Distribution.in("system").resolve(name);
            if (Files.exists(system)) {
                assertEquals(-1, Files.mismatch(system, Distribution.in("lib").resolve(name)), name);
            }
        }
    }

    @Test
    void noticeListsEveryJarOfOthers() throws Exception {
        List<String> notice = Files.readAllLines(Distribution.in("NOTICE"));
        Set<String> jars = new TreeSet<>(Distribution.names(Distribution.in("system")));
        jars.addAll(Distribution.names(Distribution.in("lib")));
        Set<String> listed = new TreeSet<>();
        int table = notice.indexOf(notice.stream()
                .filter(line -> line.startsWith("---"))
                .findFirst()
                .orElseThrow());
        for (String line : notice.subList(table + 1, notice.size())) {
            if (line.isEmpty()) {
                break;
            }
            if (!line.startsWith(" ")) {
                listed.add(line.split(" ", 2)[0]);
            }
        }
        Set<String> carried = new TreeSet<>();
        for (String jar : jars) {
            String artifact = jar.replaceFirst("(-[0-9][^-]*(-SNAPSHOT)?)?\\.jar$", "");
            boolean ours = artifact.startsWith("org.nbdrunner.") || artifact.startsWith("nbd-");
            if (!ours || artifact.equals("org.nbdrunner.jnr")) {
                carried.add(artifact);
            }
        }
        assertEquals(carried, listed);
        for (String line : notice) {
            Matcher file = Pattern.compile("\\b(licenses/[\\w.-]+)\\b").matcher(line);
            if (file.find() && !line.contains("META-INF/licenses")) {
                assertTrue(Files.size(Distribution.in(file.group(1))) > 0, file.group(1));
            }
        }
        assertTrue(Files.readString(Distribution.in("LICENSE")).contains("Apache License"));
    }

    @Test
    void confExplainsEveryKeyOfOurs() throws Exception {
        List<String> unexplained = new ArrayList<>();
        for (String jar : Distribution.names(Distribution.in("system"))) {
            for (String metatype :
                    Distribution.entries(Distribution.in("system").resolve(jar), "OSGI-INF/metatype/")) {
                Matcher designate = DESIGNATE.matcher(metatype);
                if (!designate.find()) {
                    continue;
                }
                String file = designate.group(1) + ".cfg";
                List<String> lines = Files.readAllLines(Distribution.in("conf").resolve(file));
                Matcher attribute = ATTRIBUTE.matcher(metatype);
                while (attribute.find()) {
                    Pattern key = Pattern.compile("#?" + Pattern.quote(attribute.group(1)) + " *=.*");
                    int at = 0;
                    while (at < lines.size() && !key.matcher(lines.get(at)).matches()) {
                        at++;
                    }
                    if (at == lines.size() || at == 0 || !lines.get(at - 1).startsWith("# ")) {
                        unexplained.add(file + ": " + attribute.group(1));
                    }
                }
            }
        }
        assertEquals(List.of(), unexplained);
    }

    @Test
    void programsCanBeRun() throws Exception {
        assertEquals(List.of("nbd-cli", "nbd-runner"), Distribution.names(Distribution.in("bin")));
        for (String name : Distribution.names(Distribution.in("bin"))) {
            assertTrue(Files.isExecutable(Distribution.in("bin").resolve(name)), name);
        }
    }
}
