package dev.ontogeny.run;

/**
 * Settings whose keys depend on the value of one of them, so that no record can declare them. The
 * class has a static method {@code of(SettingsObject)}.
 */
public interface SelfReading {}
