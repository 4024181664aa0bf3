"""Which checkpoints there are, and which training step each one's name tells."""

import dataclasses
import glob
import os
import re

from .failures import SettingsFailure, nearest

# As the other jobs of Ontogeny read it: 1000, step1000, checkpoint-1000, global_step1000, stage1-step1000-tokens4B.
NUMBER = re.compile(r"(-?\d+)|(?i:.*?(?:step|checkpoint|ckpt|iter)[-_=]?(\d+)(?:[-_].*)?)")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: a revision of a model or a folder, or a point between two of these."""

    name: str
    number: int
    source: str
    revision: str | None = None
    interpolated: tuple | None = None


def number_of(name):
    """The training step in a name, None if it tells none."""
    match = NUMBER.fullmatch(name)
    return None if match is None else int(match[1] or match[2])


def resolve(settings):
    """The checkpoints in the order given, then the interpolated ones; every problem is told at once."""
    ends = revisions(settings) if settings.revisions else folders(settings)
    problems = []
    numbers = dict(settings.checkpoint_numbers)
    checkpoints = []

    def add(name, number, **where):
        number = numbers.pop(name, number)
        if number is None:
            problems.append(f"the name {name} tells no training step: give --checkpoint-numbers {name}=NUMBER")
            return
        other = next((c for c in checkpoints if c.number == number), None)
        if other is not None:
            what = "is given twice" if other.name == name else f"and {other.name} are both checkpoint {number}"
            problems.append(f"{name} {what}: give --checkpoint-numbers {name}=NUMBER or leave one out")
            return
        checkpoints.append(Checkpoint(name, number, **where))

    for name, where in ends.items():
        add(name, number_of(name), **where)
    for first, second, weight in settings.interpolate:
        name = f"{first}:{second}:{weight:g}"
        found = [end(settings, e, ends) for e in (first, second)]
        missing = [e for e, f in zip((first, second), found) if f is None]
        if missing:
            problems.append(f"--interpolate {name}: there is no checkpoint {missing[0]}: {nearest(missing[0], ends)}")
            continue
        add(name, between(*(numbers.get(e, number_of(os.path.basename(e.rstrip('/')))) for e in (first, second)), weight), source=name, interpolated=(*found, weight))
    if numbers:
        unknown = next(iter(numbers))
        problems.append(f"--checkpoint-numbers names {unknown}: {nearest(unknown, [c.name for c in checkpoints])}")
    if problems:
        raise SettingsFailure("; ".join(problems))
    if not checkpoints:
        raise SettingsFailure("there is no checkpoint: give --revisions step0,step1000,… or --checkpoints FOLDER/step*/")
    return checkpoints


def between(first, second, weight):
    """The step of a point between two, None if it is not whole."""
    if first is None or second is None:
        return None
    number = first + weight * (second - first)
    return round(number) if abs(number - round(number)) < 1e-9 else None


def revisions(settings):
    """{name: where} of --revisions. A folder may hold its revisions as folders."""
    found = {}
    for name in settings.revisions:
        folder = os.path.join(settings.model, name) if settings.model else None
        if folder and os.path.isdir(folder):
            found[name] = {"source": folder}
        else:
            found[name] = {"source": settings.model or name, "revision": name}
    return found


def folders(settings):
    """{name: where} of --checkpoints, in the order of their steps where a pattern names several."""
    found = {}
    for pattern in settings.checkpoints or ([settings.model] if settings.model and not settings.interpolate else []):
        paths = sorted(glob.glob(pattern), key=lambda p: (number_of(name_of(p)) is None, number_of(name_of(p)) or 0, p))
        if any(c in pattern for c in "*?["):
            paths = [p for p in paths if settings.loader or os.path.isdir(p)]
        if not paths and not settings.checkpoints:
            paths = [pattern]
        if not paths:
            raise SettingsFailure(f"--checkpoints {pattern}: there is no such folder")
        for path in paths:
            name = name_of(path)
            if name in found:
                raise SettingsFailure(f"--checkpoints has two folders called {name}: {found[name]['source']} and {path}")
            found[name] = {"source": path}
    return found


def end(settings, name, ends):
    """An end of an interpolation: one of the checkpoints, a folder, or a revision that is not captured itself."""
    if name in ends:
        return {"name": name, **ends[name]}
    if os.path.isdir(name):
        return {"name": name, "source": name}
    if settings.model and not settings.checkpoints:
        folder = os.path.join(settings.model, name)
        return {"name": name, "source": folder} if os.path.isdir(folder) else {"name": name, "source": settings.model, "revision": name}
    return None


def name_of(path):
    name = os.path.basename(path.rstrip("/"))
    return name if os.path.isdir(path) else os.path.splitext(name)[0]
