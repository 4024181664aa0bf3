package dev.ontogeny.run;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a setting that decides where or how fast a job runs but not what it publishes: paths,
 * memory, intervals. All other settings are part of the identity of the result.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Operational {}
