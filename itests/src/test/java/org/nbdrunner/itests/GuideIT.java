package org.nbdrunner.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.Test;

/** What {@code docs/writing-a-handler.md} shows of the archetype is there, word by word. */
public class GuideIT {
    private static final Path GUIDE = Runner.ITESTS.resolve("../docs/writing-a-handler.md");
    private static final Path SOURCES =
            Runner.ITESTS.resolve("../archetype/src/main/resources/archetype-resources/src/main/java");

    /** Java in a fence, whose first line names the file. */
    private static final Pattern EXCERPT = Pattern.compile("```java\n(.*\n)((?s:.*?))```");

    private static final Pattern FILE = Pattern.compile("// (\\w+\\.java)\n");

    @Test
    public void theGuideShowsTheArchetypesCode() throws IOException {
        TreeSet<String> shown = new TreeSet<>();
        Matcher excerpt = EXCERPT.matcher(Files.readString(GUIDE));
        while (excerpt.find()) {
            Matcher file = FILE.matcher(excerpt.group(1));
            assertTrue("no file is named: " + excerpt.group(), file.matches());
            String source = Files.readString(SOURCES.resolve(file.group(1))).replace("${handlerName}", "mine");
            assertTrue(file.group(1) + " has no such lines: " + excerpt.group(2), source.contains(excerpt.group(2)));
            shown.add(file.group(1));
        }
        assertEquals(List.of("DiskHandler.java", "DiskVolume.java"), List.copyOf(shown));
    }
}
