"""Models of one's own through --loader."""

import pathlib

import numpy as np
import pytest
import torch
import transformers
from conftest import STEPS, table

PICTURES = pathlib.Path(__file__).with_name("pictures.py")
# The library's modules have other names since version 5.
OLD = int(transformers.__version__.split(".")[0]) < 5
SITES = ("module:vit.encoder.layer.0", "module:vit.encoder.layer.1.intermediate") if OLD else ("module:vit.layers.0", "module:vit.layers.1.mlp.fc1")


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    from transformers import ViTConfig, ViTForImageClassification

    folder = tmp_path_factory.mktemp("vit")
    for seed, step in enumerate(STEPS):
        torch.manual_seed(seed)
        config = ViTConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=12, patch_size=4, num_labels=3, initializer_range=0.3
        )
        ViTForImageClassification(config).save_pretrained(folder / f"step{step}")
    return folder


def test_a_vision_transformer(capture, vit):
    from pictures import Pictures

    out = capture(
        "--loader", f"{PICTURES}:Pictures", "--checkpoints", f"{vit}/step*", "--sites", ",".join(SITES), "--gradients",
        dataset=None, tokens=None, shard_tokens=30, batch_tokens=20, context=10,
    )
    documents = list(Pictures().documents())
    for step in STEPS:
        model = Pictures().model(vit / f"step{step}")
        kept = {}

        def keep(site):
            def hook(module, args, output):
                output = output[0] if isinstance(output, tuple) else output
                output.retain_grad()
                kept[site] = output

            return hook

        for site in SITES:
            model.get_submodule(site.removeprefix("module:")).register_forward_hook(keep(site))
        wanted = {site: [] for site in SITES}
        for document in documents:
            loss = Pictures().loss(model, {n: torch.from_numpy(np.asarray(v))[None] for n, v in document.inputs.items()})
            loss.sum().backward()
            for site in SITES:
                wanted[site].append((kept[site].detach()[0].numpy(), kept[site].grad[0].numpy(), [float(loss.detach())] * 10))
        for site in SITES:
            found = table(out, site, step)
            np.testing.assert_allclose(found["activation"], np.concatenate([a for a, _, _ in wanted[site]]), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found["gradient"], np.concatenate([g for _, g, _ in wanted[site]]), rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(found["loss"], np.concatenate([x for _, _, x in wanted[site]]), rtol=1e-4)
            assert found["document"] == [d for d in range(7) for _ in range(10)]
            assert found["position"] == list(range(10)) * 7
            assert found["label_kind"] == [f"kind {d % 3}" for d in found["document"]]
            assert "token" not in found


def test_documents_that_change_between_checkpoints_are_refused(run, vit, tmp_path):
    result = run("--loader", f"{PICTURES}:Changing", "--checkpoints", f"{vit}/step*", "--sites", SITES[0], "--out", tmp_path / "out")
    assert result.code == 3
    assert "the loader gives another document 0 than at first" in result.err


def test_any_module_with_texts(capture, tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "words")
    for step in (1, 2):
        (tmp_path / f"step{step}").mkdir()
    out = capture(
        "--loader", f"{PICTURES}:Wordless", "--checkpoints", f"{tmp_path}/step*", "--tokenizer", tmp_path / "words",
        "--sites", "module:2,module:1.input", "--loss", tokens=50, context=16,
    )
    from pictures import Wordless

    model = Wordless().model("step2")
    found = table(out, "module:2", 2)
    ids = torch.tensor(found["token_id"])
    np.testing.assert_allclose(found["activation"], model[:3](ids).detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table(out, "module:1.input", 2)["activation"], model[0](ids).detach().numpy())
    first = [i for i, d in enumerate(found["document"]) if d == 0]
    losses = torch.nn.functional.cross_entropy(model(ids[first])[:-1], ids[first][1:], reduction="none")
    np.testing.assert_allclose([found["loss"][i] for i in first[:-1]], losses.detach().numpy(), rtol=1e-5)


def test_a_module_that_overwrites_its_input_does_not_change_what_was_captured(capture, tokenizer, tmp_path):
    from pictures import InPlace

    tokenizer.save_pretrained(tmp_path / "words")
    (tmp_path / "step1").mkdir()
    out = capture(
        "--loader", f"{PICTURES}:InPlace", "--checkpoints", tmp_path / "step1", "--tokenizer", tmp_path / "words",
        "--sites", "module:1", "--gradients", tokens=50, context=16,
    )
    found = table(out, "module:1", 1)
    model = InPlace().model("step1")
    first = [i for i, (d, p) in enumerate(zip(found["document"], found["position"])) if d == 0 and p < 16]
    ids = torch.tensor([found["token_id"][i] for i in first])
    before = model[1](model[0](ids)).detach().requires_grad_()
    torch.nn.functional.cross_entropy(model[3](before.relu())[:-1], ids[1:], reduction="sum").backward()
    assert (before < 0).any()
    np.testing.assert_allclose(found["activation"][first], before.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["gradient"][first], before.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "loader, told",
    [
        ("Pictures", "is not of the form package.module:function or path/to/file.py:function"),
        ("nowhere.py:Pictures", "there is no file nowhere.py"),
        (f"{PICTURES}:Picture", "has no function Picture"),
        (f"{PICTURES}:nothing", "gives a NoneType; it must give an ontogeny_capture.Loader"),
        ("no_such_package.module:f", "No module named 'no_such_package'"),
    ],
)
def test_wrong_loaders(run, vit, tmp_path, loader, told):
    result = run("--loader", loader, "--checkpoints", vit / "step0", "--sites", SITES[0], "--out", tmp_path / "out")
    assert result.code == 2
    assert told in result.err.splitlines()[-1]


def test_a_site_that_is_not_one_row_a_position_says_what_a_loader_can_do(run, vit, tmp_path):
    result = run("--loader", f"{PICTURES}:Pictures", "--checkpoints", vit / "step0", "--sites", "module:vit.embeddings.patch_embeddings.projection", "--out", tmp_path / "out")
    assert result.code == 2
    assert "rows(site, tensor) can bring it into that form" in result.err
