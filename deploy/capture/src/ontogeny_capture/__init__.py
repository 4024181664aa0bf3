"""Captures activations of neural networks at many training checkpoints, as Parquet that Ontogeny reads.

The command is `ontogeny-capture`; a model of your own needs a `Loader`.
"""

from .loader import Document, Loader
from .version import VERSION as __version__

__all__ = ["Document", "Loader", "__version__"]
