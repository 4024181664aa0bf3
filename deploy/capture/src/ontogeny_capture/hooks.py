"""Takes activations, and gradients if wanted, at sites while a model runs."""

from typing import NamedTuple

import torch

from .failures import DataFailure, SettingsFailure


class Enough(Exception):
    """Ends a forward pass: every site has been seen and nothing later is needed."""


class Oddities(NamedTuple):
    """Numbers that were finite but are beyond the type to be stored, and numbers that the model itself made infinite or NaN."""

    beyond: int = 0
    not_finite: int = 0

    def plus(self, other):
        return Oddities(self.beyond + other.beyond, self.not_finite + other.not_finite)


def stored(tensor, dtype):
    """A tensor in the type to be stored, and its `Oddities`."""
    rounded = tensor.to(dtype)
    odd = int((~torch.isfinite(rounded)).sum())
    beyond = int((~torch.isfinite(rounded) & torch.isfinite(tensor)).sum()) if odd else 0
    return rounded, Oddities(beyond, odd - beyond)


class Recorder:
    """Hooks a model at sites, as a context.

    For each batch: `begin(kept)`, the forward pass inside `passing()`, `activations()`; with gradients then `gradients_of(loss)`.
    `kept` [documents, positions] says which of the padded positions are real, and fixes their order: document by document.
    `shape_rows(site, tensor)` may bring what a module gives into the form [documents, positions, width].
    """

    def __init__(self, model, sites, dtype, gradients=False, stop_early=False, shape_rows=None):
        self.model = model
        self.sites = sites
        self.dtype = dtype
        self.gradients = gradients
        self.stop_early = stop_early and not gradients
        self.shape_rows = shape_rows or (lambda site, tensor: tensor)
        # Several sites may be parts of one tensor.
        self.places = {}
        for site in sites:
            place = site.place
            self.places.setdefault((place.path, place.side, place.index), []).append(site)
        self.handles = []
        self.kept = None

    def __enter__(self):
        for key in self.places:
            path, side, _ = key
            module = self.model.get_submodule(path)
            if side == "input":
                hook = module.register_forward_pre_hook(self.before(key), with_kwargs=True)
            else:
                hook = module.register_forward_hook(self.after(key))
            self.handles.append(hook)
        return self

    def __exit__(self, *exception):
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def begin(self, kept):
        self.kept = kept
        self.tensors = {}
        self.values = {}

    def passing(self):
        return Passing(self)

    def before(self, key):
        def hook(module, args, kwargs):
            index = key[2]
            if args and (index is not None or torch.is_tensor(args[0])):
                at = index or 0
                if at >= len(args):
                    raise self.wrong(key, f"it is called with {len(args)} unnamed arguments")
                new = self.take(key, args[at])
                return args[:at] + (new,) + args[at + 1 :], kwargs
            names = [n for n, v in kwargs.items() if torch.is_tensor(v)]
            if index is not None or not names:
                raise self.wrong(key, "it is called without such a tensor")
            return args, {**kwargs, names[0]: self.take(key, kwargs[names[0]])}

        return hook

    def after(self, key):
        def hook(module, args, output):
            index = key[2]
            if torch.is_tensor(output):
                if index:
                    raise self.wrong(key, "it gives one tensor")
                return self.take(key, output)
            at = index or 0
            if hasattr(output, "keys"):
                names = list(output.keys())
                if at >= len(names):
                    raise self.wrong(key, f"it gives {', '.join(names)}")
                output[names[at]] = self.take(key, output[names[at]])
                return output
            if not isinstance(output, (tuple, list)) or at >= len(output):
                what = f"{len(output)} values" if isinstance(output, (tuple, list)) else f"a {type(output).__name__}"
                raise self.wrong(key, f"it gives {what}")
            new = list(output)
            new[at] = self.take(key, output[at])
            return type(output)(*new) if hasattr(output, "_fields") else type(output)(new)

        return hook

    def take(self, key, tensor):
        """Keeps a tensor's values, and the tensor itself where its gradient is wanted; gives what the model goes on with."""
        if not torch.is_tensor(tensor) or not tensor.is_floating_point():
            raise self.wrong(key, f"it is a {type(tensor).__name__}" + (f" of {tensor.dtype}" if torch.is_tensor(tensor) else ""))
        if key in self.tensors:
            raise self.wrong(key, "the module is called more than once in a forward pass, so that there is not one activation a token")
        if self.gradients and not tensor.requires_grad:
            # No parameter needs a gradient, so the graph begins at the first site; in place, because the model may use the same
            # tensor elsewhere, as the residual stream does.
            tensor.requires_grad_(True)
        for site in self.places[key]:
            self.values[site.name] = self.rows(site, tensor.detach())
        self.tensors[key] = tensor if self.gradients else None
        if self.stop_early and len(self.tensors) == len(self.places):
            raise Enough
        # A model may go on to change the tensor in place; its gradient must be that of the values kept.
        return tensor.clone() if self.gradients else tensor

    def rows(self, site, tensor):
        """[rows, width] of the real positions in the type to be stored, and its `Oddities`."""
        documents, positions = self.kept.shape
        tensor = self.shape_rows(site.name, tensor)
        if tensor.dim() >= 3 and tensor.shape[:2] == (documents, positions):
            tensor = tensor.flatten(2)
        elif tensor.dim() == 2 and tensor.shape[0] == documents * positions:
            # Mixtures of experts, and models that read one row a document.
            tensor = tensor.reshape(documents, positions, -1)
        else:
            raise SettingsFailure(
                f"site {site.name} has the shape {list(tensor.shape)} where [{documents}, {positions}, width] is needed, "
                f"documents and positions of a batch; a loader's rows(site, tensor) can bring it into that form"
            )
        if site.place.part is not None:
            tensor = site.place.part.of_tensor(tensor, site.heads)
        return stored(tensor[self.kept], self.dtype)

    def require_all(self):
        missing = [s.name for key, sites in self.places.items() if key not in self.tensors for s in sites]
        if missing:
            raise SettingsFailure(f"site {', '.join(missing)}: the module is not called when the model runs")

    def activations(self):
        """{site: ([rows, width], Oddities)} of the batch."""
        self.require_all()
        return self.values

    def gradients_of(self, loss):
        """{site: ([rows, width], Oddities)}: of the sum of the losses, at the values kept; None is a sum of none, as of a single token."""
        self.require_all()
        keys = list(self.places)
        if loss is None:
            found = [None] * len(keys)
        elif loss.requires_grad:
            found = torch.autograd.grad(loss, [self.tensors[k] for k in keys], allow_unused=True)
        else:
            raise DataFailure("--gradients: the loss does not depend on any of the sites")
        result = {}
        for key, gradient in zip(keys, found):
            if gradient is None:
                gradient = torch.zeros_like(self.tensors[key])
            for site in self.places[key]:
                result[site.name] = self.rows(site, gradient)
        self.tensors = {}
        return result

    def wrong(self, key, found):
        path, side, index = key
        names = ", ".join(s.name for s in self.places[key])
        which = "" if index is None else f"[{index}]"
        return SettingsFailure(f"site {names}: the {side}{which} of {path} is not one activation: {found}")


class Passing:
    """Swallows the end of a forward pass that had nothing more to give."""

    def __init__(self, recorder):
        self.recorder = recorder

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return kind is Enough
