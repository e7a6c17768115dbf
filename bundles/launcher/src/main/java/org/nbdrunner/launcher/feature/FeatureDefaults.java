package org.nbdrunner.launcher.feature;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.osgi.framework.FrameworkUtil;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;

/** The configurations that features bring along. */
public final class FeatureDefaults {
    private static final String FACTORY_SEPARATOR = "~";

    private FeatureDefaults() {}

    /**
     * Gives them to Config Admin, save those for whose PID there is a file: File Install provides that.
     *
     * @param features whose
     * @param conf has the files
     * @param admin gets them, for whichever bundle wants them
     * @throws IOException if they cannot be stored
     */
    public static void provide(List<Feature> features, Path conf, ConfigurationAdmin admin) throws IOException {
        for (Feature feature : features) {
            for (Map.Entry<String, Map<String, Object>> entry :
                    feature.configurations().entrySet()) {
                String pid = entry.getKey();
                if (!Files.exists(conf.resolve(pid.replace(FACTORY_SEPARATOR, "-") + ".cfg"))) {
                    configuration(admin, pid).update(FrameworkUtil.asDictionary(entry.getValue()));
                }
            }
        }
    }

    /** "?" binds it to no location. */
    private static Configuration configuration(ConfigurationAdmin admin, String pid) throws IOException {
        String[] factoryAndName = pid.split(FACTORY_SEPARATOR, 2);
        return factoryAndName.length == 2
                ? admin.getFactoryConfiguration(factoryAndName[0], factoryAndName[1], "?")
                : admin.getConfiguration(pid, "?");
    }
}
