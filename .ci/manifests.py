"""Checks deploy/kubernetes: objects of Kubernetes against its own schemas (of 2024 and the
newest), those of the Spark operator against its API models, and that the files agree with each other.

    python .ci/manifests.py [CRDS]     a folder of the operator's own CustomResourceDefinitions, to check against them as well
"""

import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml
from kubeflow_spark_api.models import SparkV1beta2ScheduledSparkApplication, SparkV1beta2SparkApplication

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "deploy" / "kubernetes"
OPERATORS = {"SparkApplication": SparkV1beta2SparkApplication, "ScheduledSparkApplication": SparkV1beta2ScheduledSparkApplication}


def same(given, understood, path):
    """What a model does not know it leaves out, and what it lacks it puts in: nothing of either may happen."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key in given.keys() | understood.keys():
            assert key in understood, f"{path}: there is no {key}"
            assert key in given, f"{path}: {key} is missing"
            same(given[key], understood[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        for index, (one, other) in enumerate(zip(given, understood)):
            same(one, other, f"{path}[{index}]")
    else:
        assert given == understood, f"{path}: {given} is understood as {understood}"


def closed(schema):
    """An API server drops keys that a schema does not have; here they are errors."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "x-kubernetes-preserve-unknown-fields" not in schema:
        made.setdefault("additionalProperties", False)
    return made


def definitions(folder):
    """Schemas of version v1beta2 by kind."""
    found = {}
    for file in sorted(pathlib.Path(folder).glob("*.yaml")):
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))
        for version in definition["spec"]["versions"]:
            if version["name"] == "v1beta2":
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                found[definition["spec"]["names"]["kind"]] = schema
    assert found.keys() >= OPERATORS.keys(), f"{folder} has no CustomResourceDefinitions of {OPERATORS.keys() - found.keys()}"
    return found


crds = definitions(sys.argv[1]) if len(sys.argv) > 1 else {}
# One of 2024, and the newest that there is a schema of.
versions = ("1.30", kubernetes_validate.latest_version())
documents = {}
for file in sorted(FOLDER.glob("*.yaml")):
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        kind = document["kind"]
        place = f"{file.name}: {kind}"
        if kind in OPERATORS:
            understood = OPERATORS[kind].from_dict(document).to_dict()
            same(document, {**understood, "metadata": document["metadata"]}, place)
            if crds:
                jsonschema.Draft202012Validator(crds[kind]).validate(document)
        else:
            for version in versions:
                kubernetes_validate.validate(document, version, strict=True)
        documents[file.stem, kind] = document
        print(place)

# What is said twice is said alike.
properties = {}
for line in (FOLDER / "spark.conf").read_text(encoding="utf-8").splitlines():
    if line and not line.startswith("#"):
        key, value = line.split(None, 1)
        properties[key] = value
application = documents["application", "SparkApplication"]["spec"]
nightly = documents["scheduled", "ScheduledSparkApplication"]["spec"]["template"]
for spec in (application, nightly):
    for key, value in spec["sparkConf"].items():
        assert properties[key] == value, f"{key} is {value} of the operator and {properties[key]} in spark.conf"
    assert properties["spark.kubernetes.container.image"] == spec["image"]
    for role in ("driver", "executor"):
        assert properties[f"spark.{role}.memory"] == spec[role]["memory"], role
        template = documents[role, "Pod"]["spec"]
        container = dict(spec[role]["template"]["spec"]["containers"][0])
        if spec is nightly:
            container.pop("env", None)
        assert {**spec[role]["template"]["spec"], "containers": [container]} == template, f"the template of {role} differs from {role}.yaml"
assert {**nightly, "arguments": 0, "driver": 0} == {**application, "arguments": 0, "driver": 0}, "scheduled.yaml differs from application.yaml"
print(f"{len(documents)} passed, 0 failed")
