"""Models of checkpoints: loading, points between two, and a digest by which equal weights are noticed."""

import contextlib
import hashlib
import os
import struct

import safetensors
import torch

from .failures import DataFailure, ResourceFailure, SettingsFailure, one_line
from .progress import warn

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def choose_device(name):
    if name != "auto":
        try:
            torch.empty(0, device=name)
        except (RuntimeError, AssertionError) as error:
            raise SettingsFailure(f"--device {name} cannot be used: {one_line(error)}") from None
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class Models:
    """Loads the models of a run, all in the same way. `dtype` is None until the first one decides it."""

    def __init__(self, settings, loader, device, dtype=None):
        self.settings = settings
        self.loader = loader
        self.device = device
        self.dtype = DTYPES.get(settings.compute_dtype) or dtype

    def load(self, checkpoint):
        """The model of a checkpoint, ready to run."""
        if checkpoint.interpolated:
            first, second, weight = checkpoint.interpolated
            model = self.load_end(first["name"], first["source"], first.get("revision"))
            interpolate(model, self.load_end(second["name"], second["source"], second.get("revision")), weight, checkpoint.name)
        else:
            model = self.load_end(checkpoint.name, checkpoint.source, checkpoint.revision)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        return model.eval().to(self.device)

    def load_end(self, name, source, revision):
        if self.loader is not None:
            model = self.loader.model(revision or source)
            if not isinstance(model, torch.nn.Module):
                raise SettingsFailure(f"the loader's model({name!r}) gives a {type(model).__name__}; it must give a torch.nn.Module")
            if self.dtype is not None:
                model = model.to(self.dtype)
            return model
        model = pretrained(name, source, revision, self.dtype, self.device, self.settings.trust_remote_code)
        if self.dtype is None:
            self.dtype = model.dtype
        return model


def pretrained(name, source, revision, dtype, device, trust_remote_code):
    import transformers

    if revision is None and not os.path.isdir(source) and (os.path.sep in source and source.count("/") != 1 or source.startswith(".")):
        raise SettingsFailure(f"checkpoint {name}: there is no folder {source}")
    # Half precision is slow on most CPUs, and nothing is lost by computing in float32.
    wanted = dtype or (torch.float32 if device.type == "cpu" else "auto")
    options = {"revision": revision or "main", "dtype": wanted, "trust_remote_code": trust_remote_code}
    try:
        with quiet(os.path.isdir(source)):
            model, report = transformers.AutoModelForCausalLM.from_pretrained(source, output_loading_info=True, **options)
    except safetensors.SafetensorError as error:
        raise DataFailure(f"checkpoint {name}: its weights cannot be read: {one_line(error)}") from None
    except (OSError, ValueError, KeyError) as error:
        raise told_hub(error, f"checkpoint {name} cannot be loaded: {one_line(error)}") from None
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise DataFailure(f"checkpoint {name}: its weights do not fit its configuration: {one_line(error)}") from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise DataFailure(
            f"checkpoint {name}: {len(missing)} weights are not in its files, {missing[0]} for one: they would be random; "
            "is it a model of another kind?"
        )
    unexpected = sorted(report["unexpected_keys"])
    if unexpected:
        warn(f"checkpoint {name}: {len(unexpected)} tensors of its files are not used, {unexpected[0]} for one")
    return model


@contextlib.contextmanager
def quiet(local):
    """Without the library's remarks, as what matters of them is told here; a bar is wanted only while something is downloaded."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if local:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


@torch.no_grad()
def interpolate(first, second, weight, name):
    """Moves the first model's weights towards the second's, tensor by tensor: exactly the first at 0, the second at 1."""
    ends = dict(second.named_parameters()) | dict(second.named_buffers())
    for key, tensor in [*first.named_parameters(), *first.named_buffers()]:
        if key not in ends or ends[key].shape != tensor.shape:
            raise SettingsFailure(f"--interpolate {name}: {key} is not of the same shape in both models")
        other = ends.pop(key).to(tensor.device)
        if tensor.is_floating_point():
            tensor.copy_(torch.lerp(tensor.float(), other.float(), weight))
        elif not torch.equal(tensor, other):
            raise SettingsFailure(f"--interpolate {name}: {key} holds whole numbers that differ, and there is nothing between them")
    if ends:
        raise SettingsFailure(f"--interpolate {name}: only one of the models has {next(iter(ends))}")


def digest(model):
    """A digest of a model's weights as they are loaded."""
    state = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        if not torch.is_tensor(tensor):
            continue
        tensor = tensor.detach().cpu().contiguous()
        state.update(key.encode() + str(tensor.dtype).encode() + struct.pack(f"<{tensor.dim()}q", *tensor.shape))
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def parameter_bytes(model):
    return sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])


def load_tokenizer(source, revision, trust_remote_code):
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(source, revision=revision or "main", trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise told_hub(error, f"there is no tokenizer in {source}: give --tokenizer; {one_line(error)}") from None


def told_hub(error, message):
    """What the hub's libraries say with one kind of exception: that it cannot be reached now, or that there is no such thing."""
    unreachable = isinstance(error, (ConnectionError, TimeoutError)) or "couldn't connect" in str(error).lower()
    return (ResourceFailure if unreachable else SettingsFailure)(message)


def out_of_memory(error):
    """Whether somebody's exception says that memory is short."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "out of memory" in str(error).lower()


def told_out_of_memory(error):
    return ResourceFailure(f"out of memory ({one_line(error)}): a lower --batch-tokens needs less")
