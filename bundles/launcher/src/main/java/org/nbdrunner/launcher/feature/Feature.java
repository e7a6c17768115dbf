package org.nbdrunner.launcher.feature;

import java.util.List;
import java.util.Map;

/**
 * What a feature file says.
 *
 * @param name the file's name without {@code .json}
 * @param bundles the bundles to install, in order
 * @param configurations default configurations: properties by PID; a PID {@code FACTORY~NAME} is that of a factory configuration
 */
public record Feature(String name, List<Entry> bundles, Map<String, Map<String, Object>> configurations) {

    /**
     * A bundle of a feature.
     *
     * @param artifact which
     * @param startLevel its start level; 0 for the framework's initial bundle start level
     */
    public record Entry(Artifact artifact, int startLevel) {}

    /**
     * Maven coordinates.
     *
     * @param groupId the group
     * @param artifactId the artifact
     * @param version the version
     * @param classifier empty if there is none
     */
    public record Artifact(String groupId, String artifactId, String version, String classifier) {

        /**
         * Reads {@code group:artifact:version}, {@code group:artifact:type:version} or {@code group:artifact:type:classifier:version}.
         *
         * @param id the coordinates
         * @return the artifact
         * @throws IllegalArgumentException if they are none
         */
        public static Artifact parse(String id) {
            String[] parts = id.split(":", -1);
            if (parts.length < 3 || parts.length > 5 || List.of(parts).contains("")) {
                throw new IllegalArgumentException(
                        "\"" + id + "\" is not group:artifact:version or group:artifact:type[:classifier]:version");
            }
            return new Artifact(parts[0], parts[1], parts[parts.length - 1], parts.length == 5 ? parts[3] : "");
        }

        /**
         * The file in {@code system/}.
         *
         * @return {@code ARTIFACT-VERSION[-CLASSIFIER].jar}
         */
        public String fileName() {
            return artifactId + "-" + version + (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
        }
    }
}
