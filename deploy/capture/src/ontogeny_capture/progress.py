"""What a run says about itself: a bar on a terminal, lines now and then otherwise. Everything goes to standard error."""

import sys
import time

from tqdm.auto import tqdm

# Between two lines where there is no terminal.
SECONDS = 30


def say(message):
    tqdm.write(message, file=sys.stderr)


def warn(message):
    say(f"warning: {message}")


class Progress:
    """Counts tokens of a known or unknown total."""

    def __init__(self, what, total=None, unit="token"):
        self.what = what
        self.total = total
        self.unit = unit
        self.done = 0
        self.counted = 0
        self.started = self.told = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, desc=what, unit=unit, unit_scale=True, file=sys.stderr, leave=False)

    def skip(self, number):
        """What had been done before counts for the bar, not for the rate."""
        self.done += number
        if self.bar is not None:
            self.bar.initial += number
            self.bar.update(number)

    def add(self, number):
        self.done += number
        self.counted += number
        if self.bar is not None:
            self.bar.update(number)
        elif time.monotonic() - self.told >= SECONDS:
            self.told = time.monotonic()
            share = "" if not self.total else f" of {self.total:,} ({self.done / self.total:.0%})"
            rate = self.counted / (self.told - self.started)
            say(f"{self.what}: {self.done:,}{share} {self.unit}s, {rate:,.0f} a second")

    def close(self):
        if self.bar is not None:
            self.bar.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
