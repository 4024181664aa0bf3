"""What can go wrong, by kind. Only `command.main` catches everything; every failure says what was found and what would be right."""


class Failure(Exception):
    """A failure that is expected: told in one line, without a traceback."""

    kind = "internal"
    code = 1


class UsageFailure(Failure):
    kind = "usage"
    code = 2


class SettingsFailure(Failure):
    kind = "settings"
    code = 2


class DataFailure(Failure):
    kind = "data"
    code = 3


class ResourceFailure(Failure):
    kind = "resources"
    code = 4


def nearest(name, names, limit=8):
    """The names that exist, for a message about one that does not: the likeliest first."""
    import difflib

    names = list(names)
    likely = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
    if not names:
        return "there are none"
    return (f"did you mean {likely[0]}? " if likely else "") + f"there are {listed}"


def one_line(error):
    """The text of somebody else's exception, on one line and not endless."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 400 else text[:400] + "…"
