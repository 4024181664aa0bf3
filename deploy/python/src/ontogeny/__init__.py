"""Ontogeny from Python.

`ontogeny.open(folder)` reads what jobs have published, without a JVM. `ontogeny.ml` has the estimators and models of PySpark ML, for
which `ontogeny.jar()` finds the jar.
"""

from .dictionary import Dictionary
from .failures import OntogenyError
from .folders import Opened, Table, open
from .jars import jar
from .version import VERSION as __version__

__all__ = ["Dictionary", "Opened", "OntogenyError", "Table", "__version__", "jar", "open"]
