"""Estimators and models against the JVM's, and through PySpark ML's own tools."""

import os
import subprocess
import sys

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder

import ontogeny
from ontogeny import ml

SMALL = dict(width=24, epochs=3, batch=64, settings="shard { shards = 4 }")


@pytest.mark.parametrize("name", ["SparseDictionary", "Crosscoder", "DictionaryEvaluator"])
def test_parameters_are_those_of_the_jvm(spark, name):
    wrapper = getattr(ml, name)()
    java = {each.name(): each for each in wrapper._java_obj.params()}
    assert {each.name for each in wrapper.params} == set(java)
    for param in wrapper.params:
        if param.name != "type":
            assert param.doc == java[param.name].doc()
        assert wrapper._java_obj.hasDefault(java[param.name]) == wrapper.hasDefault(param)
        if wrapper.hasDefault(param):
            default = wrapper._java_obj.getDefault(java[param.name]).get()
            ours = wrapper.getOrDefault(param)
            assert ours == (list(default) if isinstance(ours, list) else default)
        getter = param.name[0].upper() + param.name[1:]
        assert hasattr(wrapper, "get" + getter) and hasattr(wrapper, "set" + getter)


@pytest.mark.parametrize("model", ["fitted", "crosscoder"])
def test_parameters_of_models_are_those_of_the_jvm(request, model):
    model = request.getfixturevalue(model)
    declared = {name for name in dir(type(model)) if isinstance(getattr(type(model), name), ml.Param)}
    assert declared == {each.name() for each in model._java_obj.params()}


@pytest.fixture(scope="session")
def crosscoder(rows):
    return ml.Crosscoder(inputCols=["half", "features"], k=2, reconstructionCols=["a", "b"], **SMALL).fit(rows)


def test_a_model_encodes_as_its_tensors_do(fitted, rows, folder):
    table = fitted.transform(rows).select("features", "codes").toPandas()
    inputs = np.stack([each.toArray() for each in table.features])
    codes = np.stack([each.toArray() for each in table.codes])
    dictionary = ontogeny.open(folder).dictionary()
    np.testing.assert_allclose(codes, dictionary.encode(inputs), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(fitted.decoder.toArray(), dictionary.tensors["W_dec"], rtol=1e-6)
    assert fitted.id == dictionary.id and fitted.width == 24 and fitted.dictionaryType == "top-k"
    assert fitted.rule == dictionary.metadata["rule"] and fitted.heldOutFvu == dictionary.metadata["quality"]["fvu"]
    assert 0 <= fitted.heldOutDeadShare <= 1 and fitted.heldOutL0 <= 2


def test_what_is_saved_is_loaded(fitted, rows, folder, tmp_path):
    expected = fitted.transform(rows).select("codes").collect()
    loaded = ml.SparseDictionaryModel.load(str(folder))
    assert loaded.uid == fitted.uid and loaded.transform(rows).select("codes").collect() == expected
    opened = ml.SparseDictionaryModel.ofFolder(str(folder / "dictionaries"), fitted.id).setInputCol("list")
    assert opened.transform(rows).select("codes").collect() == expected
    estimator = ml.SparseDictionary(type="jump-relu", **SMALL)
    estimator.save(str(tmp_path / "estimator"))
    again = ml.SparseDictionary.load(str(tmp_path / "estimator"))
    assert again.getType() == "jump-relu" and again.getWidth() == 24 and not again.isSet(again.tokens)
    assert again.copy({again.width: 12}).getWidth() == 12


def test_a_crosscoder_reconstructs_every_column(crosscoder, rows, tmp_path):
    codes = crosscoder.transform(rows)
    first = codes.first()
    assert (len(first.a), len(first.b)) == (4, 8) and crosscoder.decoderOf(0).numCols == 4
    crosscoder.save(str(tmp_path / "crosscoder"))
    loaded = ml.CrosscoderModel.load(str(tmp_path / "crosscoder"))
    assert loaded.getSources() == crosscoder.getSources() and loaded.transform(rows).collect() == codes.collect()


def test_a_pipeline_and_cross_validation(rows, tmp_path):
    estimator = ml.SparseDictionary(reconstructionCol="reconstruction", **SMALL)
    model = Pipeline(stages=[estimator.copy({estimator.k: 2})]).fit(rows)
    model.save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    assert isinstance(loaded.stages[0], ml.SparseDictionaryModel)
    assert loaded.transform(rows).select("codes").collect() == model.transform(rows).select("codes").collect()
    grid = ParamGridBuilder().addGrid(estimator.k, [1, 4]).build()
    chosen = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=ml.DictionaryEvaluator(), numFolds=2).fit(rows)
    assert chosen.avgMetrics[1] < chosen.avgMetrics[0] and chosen.bestModel.id.endswith("k4-r0-c0")
    chosen.save(str(tmp_path / "chosen"))
    assert CrossValidatorModel.load(str(tmp_path / "chosen")).bestModel.id == chosen.bestModel.id


def test_failures_say_what_would_be_right(rows, fitted, tmp_path):
    cases = {
        "inputCol 'missing' is no column: there are": lambda: ml.SparseDictionary(inputCol="missing", **SMALL).fit(rows),
        "warm-upp": lambda: ml.SparseDictionary(width=24, k=2, settings="train { training { warm-upp = 1 } }").fit(rows),
        "column features: null instead of a vector in the row with id = 3": lambda: ml.SparseDictionary(k=2, **SMALL).fit(
            rows.selectExpr("id", "if(id = 3, null, features) as features")
        ),
        "column 'id' is there already": lambda: fitted.copy({fitted.outputCol: "id"}).transform(rows),
        "metric fvu needs column 'reconstruction'": lambda: ml.DictionaryEvaluator().evaluate(rows),
        "is not a published folder": lambda: ml.SparseDictionaryModel.ofFolder(str(tmp_path), "any"),
        "documentCol and positionCol go together": lambda: ml.FeatureStatistics(fitted, str(tmp_path / "x"), documentCol="id").of(rows),
    }
    for message, wrong in cases.items():
        with pytest.raises(ontogeny.OntogenyError) as caught:
            wrong()
        assert message in str(caught.value)
    with pytest.raises(TypeError, match="int"):
        ml.SparseDictionary(width="wide")


def outside(code, **environment):
    """Runs code in a Python of its own; gives what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}).stdout


def test_what_is_missing_is_said():
    code = "import ontogeny, ontogeny.ml\ntry: ontogeny.ml.SparseDictionary()\nexcept ontogeny.OntogenyError as e: print(e)"
    assert "needs a session" in outside(code)
    remote = "import pyspark.sql.utils as u\nu.is_remote = lambda: True\n" + code
    assert "Spark Connect does not support it" in outside(remote)
    bare = "from pyspark.sql import SparkSession\nSparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').getOrCreate()\n" + code
    assert "needs Ontogeny's jar in the session" in outside(bare)
    assert "installed without the jar" in outside("import ontogeny\ntry: ontogeny.jar()\nexcept ValueError as e: print(e)", ONTOGENY_JAR="")
