"""Ontogeny's estimators and models in PySpark ML's own manner.

They call the classes of `dev.ontogeny.ml` in the JVM, so the session needs the jar: `.config("spark.jars", ontogeny.jar())`. Spark Connect
has no JVM to call and does not know them: a session of Spark Connect is refused.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Generic, Iterator, List, Optional, TypeVar

from py4j.protocol import Py4JJavaError
from pyspark import keyword_only
from pyspark.ml.evaluation import JavaEvaluator
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReader, JavaMLWritable
from pyspark.ml.wrapper import JavaEstimator, JavaModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.utils import is_remote

from .failures import OntogenyError
from .jars import jar

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.ml.linalg import Matrix

__all__ = ["Crosscoder", "CrosscoderModel", "DictionaryEvaluator", "FeatureStatistics", "SparseDictionary", "SparseDictionaryModel"]

M = TypeVar("M")


def _require_jvm(what: str) -> None:
    """Says what is missing before a call fails for want of it."""
    if is_remote():
        raise OntogenyError(f"{what} needs the JVM of a classic session: Spark Connect does not support it; ontogeny.open(…).table(…).spark(session) works there")
    session = SparkSession.getActiveSession()
    if session is None:
        raise OntogenyError(f"{what} needs a session: SparkSession.builder.config('spark.jars', ontogeny.jar()).getOrCreate()")
    loader = session.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    if loader.getResource("dev/ontogeny/ml/SparseDictionary.class") is None:
        raise OntogenyError(f"{what} needs Ontogeny's jar in the session: give spark.jars, before it starts, the value of ontogeny.jar() ({jar()})")


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """What the JVM expects to go wrong has a message that says what would be right: that, instead of its stack."""
    try:
        yield
    except Py4JJavaError as error:
        if error.java_exception.getClass().getName() == "dev.ontogeny.run.Failure":
            raise OntogenyError(error.java_exception.getMessage()) from None
        raise


class _Reader(JavaMLReader[M]):
    """Reads by the Java class of that name: those of MLlib's are found by the names of Python's modules."""

    @classmethod
    def _java_loader_class(cls, clazz: Any) -> str:
        return clazz._java_class

    def load(self, path: str) -> M:
        with _failures():
            return super().load(path)


class _Readable:
    """`read` and `load`."""

    _java_class: str

    @classmethod
    def read(cls) -> _Reader:
        _require_jvm(cls.__name__)
        return _Reader(cls)

    @classmethod
    def load(cls, path: str) -> Any:
        return cls.read().load(path)


class _Fitted(_Readable, JavaEstimator[M], JavaMLWritable, Generic[M]):
    """What estimators have in common."""

    def _fit_java(self, dataset: DataFrame) -> "JavaObject":
        with _failures():
            return super()._fit_java(dataset)


class _FittedModel(_Readable, JavaModel, JavaMLWritable):
    """What models have in common."""

    @classmethod
    def ofFolder(cls, folder: str, id: str) -> Any:
        """A dictionary that `ontogeny train` has published: the folder, and its id there."""
        _require_jvm(cls.__name__)
        with _failures():
            return cls._of(_jvm_class(cls._java_class).ofFolder(folder, id))

    def _transform(self, dataset: DataFrame) -> DataFrame:
        with _failures():
            return super()._transform(dataset)

    @classmethod
    def _of(cls, java_model: "JavaObject") -> Any:
        model = cls(java_model)
        model._transfer_params_from_java()
        return model

    @property
    def id(self) -> str:
        """The id of the dictionary, as its files and tables have it."""
        return self._call_java("id")

    @property
    def dictionaryType(self) -> str:
        """The type, such as top-k."""
        return self._call_java("type")

    @property
    def width(self) -> int:
        """F, the number of latents."""
        return self._call_java("width")

    @property
    def rule(self) -> str:
        """How a code follows from an input, in one sentence with the tensors' names."""
        return self._call_java("rule")

    @property
    def heldOutFvu(self) -> float:
        """Share of the variance of the held-out rows that is not reconstructed."""
        return self._call_java("heldOutFvu")

    @property
    def heldOutL0(self) -> float:
        """Latents that fire on a held-out row, in the mean."""
        return self._call_java("heldOutL0")

    @property
    def heldOutDeadShare(self) -> float:
        """Share of latents that fire on none of the held-out rows."""
        return self._call_java("heldOutDeadShare")

    @property
    def decoder(self) -> "Matrix":
        """W_dec, [F, D] in scaled units: row i is what feature i stands for."""
        return self._call_java("decoder")


def _jvm_class(name: str) -> Any:
    at = SparkSession.active().sparkContext._jvm
    for part in name.split("."):
        at = getattr(at, part)
    return at


class _CodeParams(Params):
    """Of estimators and models alike."""

    outputCol: Param[str] = Param(
        Params._dummy(),
        "outputCol",
        "column for codes: sparse vectors as long as the width",
        typeConverter=TypeConverters.toString,
    )
    kernel: Param[str] = Param(
        Params._dummy(),
        "kernel",
        "what does the arithmetic: auto, cpu, nd4j or reference",
        typeConverter=TypeConverters.toString,
    )

    def getOutputCol(self) -> str:
        return self.getOrDefault(self.outputCol)

    def getKernel(self) -> str:
        return self.getOrDefault(self.kernel)


class _ColumnParams(Params):
    """Of one column of vectors."""

    inputCol: Param[str] = Param(
        Params._dummy(),
        "inputCol",
        "column of vectors: Spark ML vectors, array<float> or array<double>",
        typeConverter=TypeConverters.toString,
    )
    reconstructionCol: Param[str] = Param(
        Params._dummy(),
        "reconstructionCol",
        "column for reconstructions: vectors in the units of the input; empty for none",
        typeConverter=TypeConverters.toString,
    )

    def getInputCol(self) -> str:
        return self.getOrDefault(self.inputCol)

    def getReconstructionCol(self) -> str:
        return self.getOrDefault(self.reconstructionCol)


class _ColumnsParams(Params):
    """Of several columns of vectors."""

    inputCols: Param[List[str]] = Param(
        Params._dummy(),
        "inputCols",
        "columns of vectors: Spark ML vectors, array<float> or array<double>",
        typeConverter=TypeConverters.toListString,
    )
    reconstructionCols: Param[List[str]] = Param(
        Params._dummy(),
        "reconstructionCols",
        "columns for reconstructions, one for each input: vectors in its units; none for none",
        typeConverter=TypeConverters.toListString,
    )

    def getInputCols(self) -> List[str]:
        return self.getOrDefault(self.inputCols)

    def getReconstructionCols(self) -> List[str]:
        return self.getOrDefault(self.reconstructionCols)


class _FitParams(_CodeParams):
    """Of estimators; `conf/jobs/train.conf` has them in full."""

    type: Param[str] = Param(
        Params._dummy(),
        "type",
        "type of the dictionary, such as top-k, batch-top-k, jump-relu or relu",
        typeConverter=TypeConverters.toString,
    )
    width: Param[int] = Param(
        Params._dummy(),
        "width",
        "number of latents F",
        typeConverter=TypeConverters.toInt,
    )
    k: Param[int] = Param(
        Params._dummy(),
        "k",
        "latents that fire on a row, of types that have a k",
        typeConverter=TypeConverters.toInt,
    )
    seed: Param[int] = Param(
        Params._dummy(),
        "seed",
        "decides initial directions and the order of rows",
        typeConverter=TypeConverters.toInt,
    )
    tokens: Param[int] = Param(
        Params._dummy(),
        "tokens",
        "rows that it is trained on; rows are seen again when there are fewer",
        typeConverter=TypeConverters.toInt,
    )
    epochs: Param[float] = Param(
        Params._dummy(),
        "epochs",
        "how often every row is trained on, in place of tokens",
        typeConverter=TypeConverters.toFloat,
    )
    batch: Param[int] = Param(
        Params._dummy(),
        "batch",
        "rows of an optimiser step",
        typeConverter=TypeConverters.toInt,
    )
    learningRate: Param[float] = Param(
        Params._dummy(),
        "learningRate",
        "learning rate at width 16384; it goes with one over the root of the width",
        typeConverter=TypeConverters.toFloat,
    )
    heldOutShare: Param[float] = Param(
        Params._dummy(),
        "heldOutShare",
        "share of the rows that training never sees and quality is told of",
        typeConverter=TypeConverters.toFloat,
    )
    settings: Param[str] = Param(
        Params._dummy(),
        "settings",
        "any other setting of shard and train, as in a pipeline file: train { training { warm-up = 0.05 } }",
        typeConverter=TypeConverters.toString,
    )
    workingFolder: Param[str] = Param(
        Params._dummy(),
        "workingFolder",
        "where rows and dictionary lie during a fit: a folder that all executors reach; empty for the session's checkpoint directory or, in one process, Java's folder for temporary files",
        typeConverter=TypeConverters.toString,
    )

    def getType(self) -> str:
        return self.getOrDefault(self.type)

    def getWidth(self) -> int:
        return self.getOrDefault(self.width)

    def getK(self) -> int:
        return self.getOrDefault(self.k)

    def getSeed(self) -> int:
        return self.getOrDefault(self.seed)

    def getTokens(self) -> int:
        return self.getOrDefault(self.tokens)

    def getEpochs(self) -> float:
        return self.getOrDefault(self.epochs)

    def getBatch(self) -> int:
        return self.getOrDefault(self.batch)

    def getLearningRate(self) -> float:
        return self.getOrDefault(self.learningRate)

    def getHeldOutShare(self) -> float:
        return self.getOrDefault(self.heldOutShare)

    def getSettings(self) -> str:
        return self.getOrDefault(self.settings)

    def getWorkingFolder(self) -> str:
        return self.getOrDefault(self.workingFolder)


class SparseDictionary(_Fitted["SparseDictionaryModel"], _FitParams, _ColumnParams):
    """A sparse dictionary (sparse autoencoder) of one column of vectors, of any type that `ontogeny train` knows.

    Parameters that are left out are as `conf/jobs/train.conf` has them; `epochs`, where it is given, takes the place of `tokens`.

    >>> from ontogeny.ml import DictionaryEvaluator, SparseDictionary
    >>> estimator = SparseDictionary(width=24, k=2, epochs=3, batch=64, reconstructionCol="reconstruction")
    >>> model = estimator.fit(rows)
    >>> codes = model.transform(rows)
    >>> codes.first().codes.size
    24
    >>> DictionaryEvaluator(metricName="l0").evaluate(codes) <= 2
    True
    """

    _java_class = "dev.ontogeny.ml.SparseDictionary"

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str = "features",
        type: str = "top-k",
        width: int = 4096,
        k: int = 32,
        outputCol: str = "codes",
        reconstructionCol: str = "",
        seed: int = 0,
        tokens: int = 4_000_000,
        epochs: Optional[float] = None,
        batch: int = 512,
        learningRate: float = 8e-4,
        heldOutShare: float = 0.1,
        settings: str = "",
        workingFolder: str = "",
        kernel: str = "auto",
    ) -> None:
        super().__init__()
        _require_jvm("SparseDictionary")
        self._java_obj = self._new_java_obj("dev.ontogeny.ml.SparseDictionary", self.uid)
        self._setDefault(inputCol="features", type="top-k", width=4096, k=32, outputCol="codes", reconstructionCol="", seed=0, tokens=4_000_000, batch=512, learningRate=8e-4, heldOutShare=0.1, settings="", workingFolder="", kernel="auto")
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str = "features",
        type: str = "top-k",
        width: int = 4096,
        k: int = 32,
        outputCol: str = "codes",
        reconstructionCol: str = "",
        seed: int = 0,
        tokens: int = 4_000_000,
        epochs: Optional[float] = None,
        batch: int = 512,
        learningRate: float = 8e-4,
        heldOutShare: float = 0.1,
        settings: str = "",
        workingFolder: str = "",
        kernel: str = "auto",
    ) -> "SparseDictionary":
        return self._set(**self._input_kwargs)

    def _create_model(self, java_model: "JavaObject") -> "SparseDictionaryModel":
        return SparseDictionaryModel._of(java_model)

    def setInputCol(self, value: str) -> "SparseDictionary":
        return self._set(inputCol=value)

    def setType(self, value: str) -> "SparseDictionary":
        return self._set(type=value)

    def setWidth(self, value: int) -> "SparseDictionary":
        return self._set(width=value)

    def setK(self, value: int) -> "SparseDictionary":
        return self._set(k=value)

    def setOutputCol(self, value: str) -> "SparseDictionary":
        return self._set(outputCol=value)

    def setReconstructionCol(self, value: str) -> "SparseDictionary":
        return self._set(reconstructionCol=value)

    def setSeed(self, value: int) -> "SparseDictionary":
        return self._set(seed=value)

    def setTokens(self, value: int) -> "SparseDictionary":
        return self._set(tokens=value)

    def setEpochs(self, value: float) -> "SparseDictionary":
        return self._set(epochs=value)

    def setBatch(self, value: int) -> "SparseDictionary":
        return self._set(batch=value)

    def setLearningRate(self, value: float) -> "SparseDictionary":
        return self._set(learningRate=value)

    def setHeldOutShare(self, value: float) -> "SparseDictionary":
        return self._set(heldOutShare=value)

    def setSettings(self, value: str) -> "SparseDictionary":
        return self._set(settings=value)

    def setWorkingFolder(self, value: str) -> "SparseDictionary":
        return self._set(workingFolder=value)

    def setKernel(self, value: str) -> "SparseDictionary":
        return self._set(kernel=value)


class SparseDictionaryModel(_FittedModel, _CodeParams, _ColumnParams):
    """What `SparseDictionary` fits: adds codes, and reconstructions if `reconstructionCol` is set, to every row."""

    _java_class = "dev.ontogeny.ml.SparseDictionaryModel"

    def setInputCol(self, value: str) -> "SparseDictionaryModel":
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> "SparseDictionaryModel":
        return self._set(outputCol=value)

    def setReconstructionCol(self, value: str) -> "SparseDictionaryModel":
        return self._set(reconstructionCol=value)

    def setKernel(self, value: str) -> "SparseDictionaryModel":
        return self._set(kernel=value)


class Crosscoder(_Fitted["CrosscoderModel"], _FitParams, _ColumnsParams):
    """One dictionary over several columns of vectors of the same rows: one code, a decoder for each column.

    >>> from ontogeny.ml import Crosscoder
    >>> model = Crosscoder(inputCols=["features", "half"], width=24, k=2, epochs=1, batch=64).fit(rows)
    >>> model.decoderOf(1).numCols
    4
    """

    _java_class = "dev.ontogeny.ml.Crosscoder"

    @keyword_only
    def __init__(
        self,
        *,
        inputCols: Optional[List[str]] = None,
        type: str = "batch-top-k",
        width: int = 4096,
        k: int = 32,
        outputCol: str = "codes",
        reconstructionCols: Optional[List[str]] = None,
        seed: int = 0,
        tokens: int = 4_000_000,
        epochs: Optional[float] = None,
        batch: int = 512,
        learningRate: float = 8e-4,
        heldOutShare: float = 0.1,
        settings: str = "",
        workingFolder: str = "",
        kernel: str = "auto",
    ) -> None:
        super().__init__()
        _require_jvm("Crosscoder")
        self._java_obj = self._new_java_obj("dev.ontogeny.ml.Crosscoder", self.uid)
        self._setDefault(inputCols=[], type="batch-top-k", width=4096, k=32, outputCol="codes", reconstructionCols=[], seed=0, tokens=4_000_000, batch=512, learningRate=8e-4, heldOutShare=0.1, settings="", workingFolder="", kernel="auto")
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCols: Optional[List[str]] = None,
        type: str = "batch-top-k",
        width: int = 4096,
        k: int = 32,
        outputCol: str = "codes",
        reconstructionCols: Optional[List[str]] = None,
        seed: int = 0,
        tokens: int = 4_000_000,
        epochs: Optional[float] = None,
        batch: int = 512,
        learningRate: float = 8e-4,
        heldOutShare: float = 0.1,
        settings: str = "",
        workingFolder: str = "",
        kernel: str = "auto",
    ) -> "Crosscoder":
        return self._set(**self._input_kwargs)

    def _create_model(self, java_model: "JavaObject") -> "CrosscoderModel":
        return CrosscoderModel._of(java_model)

    def setInputCols(self, value: List[str]) -> "Crosscoder":
        return self._set(inputCols=value)

    def setType(self, value: str) -> "Crosscoder":
        return self._set(type=value)

    def setWidth(self, value: int) -> "Crosscoder":
        return self._set(width=value)

    def setK(self, value: int) -> "Crosscoder":
        return self._set(k=value)

    def setOutputCol(self, value: str) -> "Crosscoder":
        return self._set(outputCol=value)

    def setReconstructionCols(self, value: List[str]) -> "Crosscoder":
        return self._set(reconstructionCols=value)

    def setSeed(self, value: int) -> "Crosscoder":
        return self._set(seed=value)

    def setTokens(self, value: int) -> "Crosscoder":
        return self._set(tokens=value)

    def setEpochs(self, value: float) -> "Crosscoder":
        return self._set(epochs=value)

    def setBatch(self, value: int) -> "Crosscoder":
        return self._set(batch=value)

    def setLearningRate(self, value: float) -> "Crosscoder":
        return self._set(learningRate=value)

    def setHeldOutShare(self, value: float) -> "Crosscoder":
        return self._set(heldOutShare=value)

    def setSettings(self, value: str) -> "Crosscoder":
        return self._set(settings=value)

    def setWorkingFolder(self, value: str) -> "Crosscoder":
        return self._set(workingFolder=value)

    def setKernel(self, value: str) -> "Crosscoder":
        return self._set(kernel=value)


class _SourceParams(_ColumnsParams):
    """Of a model that reads several columns."""

    sources: Param[List[int]] = Param(
        Params._dummy(),
        "sources",
        "for each of inputCols, which source of the dictionary it is, from 0 on",
        typeConverter=TypeConverters.toListInt,
    )

    def getSources(self) -> List[int]:
        return self.getOrDefault(self.sources)


class CrosscoderModel(_FittedModel, _CodeParams, _SourceParams):
    """What `Crosscoder` fits."""

    _java_class = "dev.ontogeny.ml.CrosscoderModel"

    def decoderOf(self, input: int) -> "Matrix":
        """The decoder of one input column, [F, d] in scaled units."""
        return self._call_java("decoderOf", input)

    def setInputCols(self, value: List[str]) -> "CrosscoderModel":
        return self._set(inputCols=value)

    def setOutputCol(self, value: str) -> "CrosscoderModel":
        return self._set(outputCol=value)

    def setReconstructionCols(self, value: List[str]) -> "CrosscoderModel":
        return self._set(reconstructionCols=value)

    def setKernel(self, value: str) -> "CrosscoderModel":
        return self._set(kernel=value)


class _EvaluatorParams(_ColumnParams):
    """Of the evaluator."""

    metricName: Param[str] = Param(
        Params._dummy(),
        "metricName",
        "fvu (share of the variance that is not reconstructed) or l0 (latents that fire on a row)",
        typeConverter=TypeConverters.toString,
    )

    def getMetricName(self) -> str:
        return self.getOrDefault(self.metricName)


class DictionaryEvaluator(_Readable, JavaEvaluator, _EvaluatorParams, JavaMLWritable):
    """How good codes are, out of the columns that a model has added: `fvu` or `l0`, of both less is better.

    >>> from ontogeny.ml import DictionaryEvaluator
    >>> DictionaryEvaluator().isLargerBetter()
    False
    """

    _java_class = "dev.ontogeny.ml.DictionaryEvaluator"

    outputCol: Param[str] = Param(Params._dummy(), "outputCol", "column for codes: sparse vectors as long as the width", typeConverter=TypeConverters.toString)

    def getOutputCol(self) -> str:
        return self.getOrDefault(self.outputCol)

    def _evaluate(self, dataset: DataFrame) -> float:
        with _failures():
            return super()._evaluate(dataset)

    @keyword_only
    def __init__(
        self,
        *,
        metricName: str = "fvu",
        inputCol: str = "features",
        outputCol: str = "codes",
        reconstructionCol: str = "reconstruction",
    ) -> None:
        super().__init__()
        _require_jvm("DictionaryEvaluator")
        self._java_obj = self._new_java_obj("dev.ontogeny.ml.DictionaryEvaluator", self.uid)
        self._setDefault(metricName="fvu", inputCol="features", outputCol="codes", reconstructionCol="reconstruction")
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        metricName: str = "fvu",
        inputCol: str = "features",
        outputCol: str = "codes",
        reconstructionCol: str = "reconstruction",
    ) -> "DictionaryEvaluator":
        return self._set(**self._input_kwargs)

    def setMetricName(self, value: str) -> "DictionaryEvaluator":
        return self._set(metricName=value)

    def setInputCol(self, value: str) -> "DictionaryEvaluator":
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> "DictionaryEvaluator":
        return self._set(outputCol=value)

    def setReconstructionCol(self, value: str) -> "DictionaryEvaluator":
        return self._set(reconstructionCol=value)


class FeatureStatistics:
    """What every feature of a model does on the rows of a DataFrame: the tables of `ontogeny measure`, published in a folder.

    With `documentCol` and `positionCol` examples have their context; columns token, token_id and label_* are taken as a capture's are.

    >>> from ontogeny.ml import FeatureStatistics, SparseDictionaryModel
    >>> statistics = FeatureStatistics(SparseDictionaryModel.load(str(folder)), str(output))
    >>> statistics.of(rows).count()
    24
    >>> "maximum" in ontogeny.open(output).table("features").pandas().columns
    True
    """

    def __init__(
        self,
        model: _FittedModel,
        output: str,
        *,
        documentCol: Optional[str] = None,
        positionCol: Optional[str] = None,
        settings: str = "",
        workingFolder: str = "",
    ) -> None:
        _require_jvm("FeatureStatistics")
        model._transfer_params_to_java()
        self._java_obj = _jvm_class("dev.ontogeny.ml.FeatureStatistics")(model._java_obj, output)
        self._java_obj.setDocumentCol(documentCol).setPositionCol(positionCol).setSettings(settings).setWorkingFolder(workingFolder)

    def of(self, rows: DataFrame) -> DataFrame:
        """Measures and publishes; gives the table features."""
        with _failures():
            return DataFrame(self._java_obj.of(rows._jdf), rows.sparkSession)

    def table(self, name: str) -> DataFrame:
        """A table of what was published, such as examples or labels."""
        session = SparkSession.active()
        with _failures():
            return DataFrame(self._java_obj.table(session._jsparkSession, name), session)


# A pipeline that is loaded asks for the Python class of a stage by the name of its Java class.
sys.modules.setdefault("dev.ontogeny.ml", sys.modules[__name__])
