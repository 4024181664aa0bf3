"""What a user writes to capture a model of their own: see the example in the README.

`--loader package.module:function` (or `path/to/file.py:function`) names a function that takes nothing and gives a `Loader`; a class
that extends it will do.
"""

import dataclasses
import hashlib
import importlib
import importlib.util
import os
import sys

import numpy as np

from .failures import DataFailure, SettingsFailure, one_line
from .sequences import Sequence


@dataclasses.dataclass
class Document:
    """One document for a model that reads no text: an image, a board, a protein.

    inputs: {name: array}, one document's, without a dimension for the batch; given to the model by these names
    positions: how many rows it has at every site, such as an image's patches with the class token
    labels: {name: text, bool, int or float}, kept as label_<name>
    """

    inputs: dict
    positions: int
    labels: dict = dataclasses.field(default_factory=dict)


class Loader:
    """Models, and documents where these are no text. Only `model` must be written."""

    def model(self, checkpoint):
        """The torch.nn.Module of a checkpoint, given its folder or revision as the command line has it."""
        raise NotImplementedError("a loader needs model(checkpoint)")

    def documents(self):
        """The documents, the same ones in the same order at every call; None to take the texts of --dataset."""
        return None

    def loss(self, model, inputs):
        """Runs the model on a batch {name: tensor}; gives a loss per document [documents] or position [documents, positions], or None.

        Positions without a loss are NaN. The model's parameters need no gradients; the sites take theirs from the sum of what this gives.
        For texts this need not be written: there it is the loss of the next token, from what the model gives as `logits` (or gives alone)
        when it is called with input_ids (by name if it has such a name), and with attention_mask if it takes one.
        """
        model(**inputs)
        return None

    def rows(self, site, tensor):
        """Brings what a site gives into the form [documents, positions, ...]; the rest of the dimensions is flattened."""
        return tensor


def load(name):
    """The Loader that --loader names."""
    module_name, _, function_name = name.rpartition(":")
    if not module_name or not function_name.isidentifier():
        raise SettingsFailure(f"--loader {name} is not of the form package.module:function or path/to/file.py:function")
    if module_name.endswith(".py"):
        if not os.path.exists(module_name):
            raise SettingsFailure(f"--loader {name}: there is no file {module_name}")
        spec = importlib.util.spec_from_file_location(os.path.basename(module_name)[:-3], module_name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise SettingsFailure(f"--loader {name}: {one_line(error)}; modules are looked for in this folder and the environment") from None
        finally:
            sys.path.remove(os.getcwd())
    function = getattr(module, function_name, None)
    if not callable(function):
        raise SettingsFailure(f"--loader {name}: {module_name} has no function {function_name}")
    loader = function()
    if not isinstance(loader, Loader):
        raise SettingsFailure(f"--loader {name} gives a {type(loader).__name__}; it must give an ontogeny_capture.Loader")
    return loader


def digest(document):
    """By which a document is known again at the next checkpoint."""
    state = hashlib.sha256()
    for name in sorted(document.inputs):
        array = np.ascontiguousarray(document.inputs[name])
        state.update(f"{name} {array.dtype} {array.shape} ".encode())
        state.update(array.data)
    return state.hexdigest()


class DocumentSequences:
    """A loader's documents as sequences, for the first pass over them."""

    def __init__(self, documents, label_types):
        self.documents = documents
        self.label_types = label_types
        self.skipped = {}
        self.chats = False
        self.names = None

    def __iter__(self):
        for number, document in enumerate(self.documents):
            where = f"document {number} of the loader"
            if not isinstance(document, Document) or not isinstance(document.inputs, dict) or not document.inputs:
                raise DataFailure(f"{where} is no ontogeny_capture.Document with inputs")
            if isinstance(document.positions, bool) or not isinstance(document.positions, int) or document.positions < 1:
                raise DataFailure(f"{where} has positions {document.positions!r}; it must have at least 1")
            if self.names not in (None, list(document.labels)):
                raise DataFailure(f"{where} has the labels {', '.join(document.labels) or 'none'}; document 0 has {', '.join(self.names) or 'none'}")
            if self.names is None:
                self.names = list(document.labels)
                self.label_types.types = {name: None for name in self.names}
            labels = self.label_types.cleaned(document.labels, where)
            yield [Sequence(number, 0, document.positions, labels=labels, digest=digest(document))]
