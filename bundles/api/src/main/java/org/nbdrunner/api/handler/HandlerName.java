package org.nbdrunner.api.handler;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.osgi.service.component.annotations.ComponentPropertyType;

/**
 * The name of a {@link Handler}, as typed by users: {@code nbd-cli NAME create …}, {@code nbd://HOST/NAME/KEY}.
 *
 * <p>On a declarative-services component this sets the service property {@value #PROPERTY}. A name is 1 to 32 characters long,
 * of {@code a-z}, {@code 0-9} and {@code -}, and begins with a letter.
 */
@ComponentPropertyType
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.CLASS)
public @interface HandlerName {

    /** Prefix of the service property. */
    String PREFIX_ = "nbd.";

    /** The service property that names a handler. */
    String PROPERTY = "nbd.handler.name";

    /**
     * The name.
     *
     * @return the value of the service property
     */
    String value();
}
