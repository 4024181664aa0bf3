"""Published folders without a JVM."""

import json
import shutil

import numpy as np
import pytest

import ontogeny


def test_tables_in_every_library(folder, spark):
    run = ontogeny.open(folder)
    assert run.kinds == ["dictionaries", "features"] and run.tables["dictionaries"] == ["training_log"]
    table = run.table("features")
    assert [each["name"] for each in table.columns][:4] == ["dictionary", "site", "checkpoint", "feature"]
    expected = sorted(table.pandas()["count"])
    assert sorted(table.polars().collect()["count"]) == expected
    assert sorted(row[0] for row in table.duckdb().select('"count"').fetchall()) == expected
    assert sorted(row["count"] for row in table.spark(spark).collect()) == expected
    assert list(table.pandas(columns=["feature"]).columns) == ["feature"]
    assert run.manifest("features")["kind"] == "features"


def test_dictionaries_as_arrays_and_modules(folder):
    import torch

    dictionary = ontogeny.open(folder).dictionary()
    assert dictionary.probe_error() < 1e-4
    module = dictionary.torch()
    inputs = dictionary.tensors["probe_input"]
    with torch.no_grad():
        codes = module.encode(torch.from_numpy(np.array(inputs)))
        np.testing.assert_allclose(codes.numpy(), dictionary.encode(inputs), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(module.decode(codes).numpy(), dictionary.decode(dictionary.encode(inputs)), rtol=1e-3, atol=1e-3)
    assert set(dict(module.named_parameters())) == {"W_enc", "b_enc", "W_dec", "b_dec", "input_mean", "input_scale"}


@pytest.mark.parametrize("settings", [dict(type="batch-top-k"), dict(type="matryoshka-batch-top-k"), dict(type="jump-relu"), dict(type="relu")])
def test_every_type_has_its_rule(rows, tmp_path, settings):
    import torch

    from ontogeny.ml import Crosscoder, SparseDictionary

    k = {"k": 2} if "top-k" in settings["type"] else {}
    common = dict(width=24, epochs=2, batch=64, settings="shard { shards = 4 }", **settings, **k)
    estimators = {"one": SparseDictionary(**common)}
    if settings["type"] != "matryoshka-batch-top-k":
        estimators["two"] = Crosscoder(inputCols=["half", "features"], **common)
    for name, estimator in estimators.items():
        estimator.fit(rows).save(str(tmp_path / name))
        dictionary = ontogeny.open(tmp_path / name).dictionary()
        assert dictionary.probe_error() < 1e-4, dictionary
        with torch.no_grad():
            back = dictionary.torch()(torch.from_numpy(np.array(dictionary.tensors["probe_input"]))).numpy()
        np.testing.assert_allclose(back, dictionary.tensors["probe_reconstruction"], rtol=1e-3, atol=1e-3)


def test_what_is_not_there_is_said(folder, tmp_path):
    with pytest.raises(ontogeny.OntogenyError, match="holds nothing published"):
        ontogeny.open(tmp_path)
    run = ontogeny.open(folder)
    with pytest.raises(ontogeny.OntogenyError, match="has no table curves, it has"):
        run.table("curves")
    with pytest.raises(ontogeny.OntogenyError, match="holds no evolution"):
        run.manifest("evolution")
    with pytest.raises(ontogeny.OntogenyError, match="another is none of them"):
        run.dictionary("another")
    with pytest.raises(ontogeny.OntogenyError, match="reads rows of 8 numbers, got an array of shape"):
        run.dictionary().encode(np.zeros((2, 5)))
    shutil.copytree(folder / "dictionaries", tmp_path / "copy")
    place = tmp_path / "copy" / run.dictionaries[0] / "dictionary.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "type": "pca-of-old"}))
    with pytest.raises(ontogeny.OntogenyError, match="type pca-of-old is not known here"):
        ontogeny.open(tmp_path / "copy").dictionary()
