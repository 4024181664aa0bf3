"""What a capture would take: tokens, bytes, hours and memory, from a few batches that are run and thrown away."""

import resource
import sys
import time

import torch

from .models import parameter_bytes
from .runner import batches, items_of, windows
from .sequences import read_part
from .sites import resolve

# How long batches are run for the estimate, after one that only warms up.
SECONDS = 10


def estimate(capture):
    """Prints the estimate of a `Capture` whose plan is made; writes nothing."""
    plan = capture.plan
    capture.tell_plan()
    rows = [("tokens", f"{plan.tokens:,} in {plan.sequences:,} sequences of {plan.documents:,} documents")]
    for site in plan.sites:
        number = sum(plan.bytes_of_part(site, part) for part in range(len(plan.parts)))
        rows.append((f"site {site['site']}", f"{site['width']} numbers wide, {told_bytes(number)} a checkpoint in {count(len(plan.parts), 'file')}"))
    rows.append(("disk", f"{told_bytes(plan.total_bytes * len(capture.checkpoints))} for {count(len(capture.checkpoints), 'checkpoint')}"))
    left = sum(1 - capture.share_done(c) for c in capture.checkpoints)
    rows.append(("left to do", f"{left:.3g} of {count(len(capture.checkpoints), 'checkpoint')}"))
    if left:
        rate, model_bytes = measured(capture)
        rows.append(("time", f"{told_time(left * plan.tokens / rate)} at {rate:,.0f} tokens a second on {capture.device}, and the loading of the models"))
        rows.append(("memory", told_memory(capture, model_bytes)))
    for name, value in rows:
        print(f"{name + ':':<12} {value}")


def measured(capture):
    """Tokens a second and the model's bytes."""
    model = capture.load(capture.checkpoints[0])
    sites = resolve([s["site"] for s in capture.plan.sites], model)
    sequences = capture.first_sequences or read_part(capture.store, 0)
    documents = None if capture.plan.texts else iter(capture.loader.documents())
    window = next(windows(items_of(sequences, documents), capture.plan.window_tokens))
    done, began = 0, None
    with capture.runner(model, sites) as runner:
        found = list(batches(window, capture.plan.settings["batch_tokens"]))
        for batch in [found[0], *found]:
            runner.run(batch)
            now = time.monotonic()
            if began is None:
                began = now
                continue
            done += sum(i.sequence.length for i in batch)
            if now - began > SECONDS:
                break
    return done / max(now - began, 1e-9), parameter_bytes(model)


def told_memory(capture, model_bytes):
    """The model, the window of activations being sorted and the row groups being filled; and what was used at most just now."""
    from . import plan as plans

    plan, dtype, gradients = capture.plan, capture.plan.settings["dtype"], capture.plan.settings["gradients"]
    row = [plans.row_bytes(s["width"], dtype, gradients) for s in plan.sites]
    longest = max(part["tokens"] for part in plan.parts)
    groups = [r * min(s["group_rows"], longest) for r, s in zip(row, plan.sites)]
    buffers = sum(groups) + sum(row) * min(plan.window_tokens, longest)
    models = model_bytes * (2 if any(c.interpolated for c in capture.checkpoints) else 1)
    if capture.device.type == "cuda":
        return f"{told_bytes(torch.cuda.max_memory_allocated(capture.device))} on {capture.device}, {told_bytes(most_used() + buffers)} of the machine"
    return f"about {told_bytes(most_used() + buffers + models - model_bytes)}, of which the model is {told_bytes(models)} and buffers are {told_bytes(buffers)}"


def most_used():
    """The most memory that this process has held so far."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def count(number, what):
    return f"{number:,} {what}{'s' * (number != 1)}"


def told_bytes(number):
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    unit = 0
    while number >= 1000 and unit < len(units) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.3g} {units[unit]}"


def told_time(seconds):
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
