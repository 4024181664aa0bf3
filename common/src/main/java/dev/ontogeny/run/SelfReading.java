package dev.ontogeny.run;

/**
 * Settings that are no record, since their keys depend on one of them: the class has a static
 * method {@code of(SettingsObject)}.
 */
public interface SelfReading {}
