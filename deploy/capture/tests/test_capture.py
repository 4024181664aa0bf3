"""The whole command on three checkpoints of each architecture, against a slow twin: PyTorch's own hooks, one sequence at a time."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import STEPS, files, table, texts

CONTEXT = 12
# {architecture: {site: (module, whether its input)}}, written down once more by hand.
TWIN = {
    "gpt2": {
        "blocks.0.hook_resid_pre": ("transformer.h.0", True),
        "blocks.1.hook_resid_mid": ("transformer.h.1.ln_2", True),
        "blocks.1.hook_resid_post": ("transformer.h.1", False),
        "blocks.0.attn.hook_z": ("transformer.h.0.attn.c_proj", True),
        "module:transformer.h.0.mlp.c_fc": ("transformer.h.0.mlp.c_fc", False),
    },
    "gpt_neox": {
        "hook_embed": ("gpt_neox.embed_in", False),
        "blocks.0.hook_attn_out": ("gpt_neox.layers.0.attention", False),
        "blocks.0.hook_resid_post": ("gpt_neox.layers.0", False),
        "blocks.1.hook_resid_pre": ("gpt_neox.layers.1", True),
        "blocks.1.mlp.hook_post": ("gpt_neox.layers.1.mlp.dense_4h_to_h", True),
    },
    "llama": {
        "blocks.0.hook_resid_mid": ("model.layers.0.post_attention_layernorm", True),
        "blocks.0.hook_mlp_out": ("model.layers.0.mlp", False),
        "blocks.1.hook_resid_post": ("model.layers.1", False),
        "blocks.1.mlp.hook_pre": ("model.layers.1.mlp.gate_proj", False),
        "module:model.layers.1.self_attn.output[0]": ("model.layers.1.self_attn", False),
    },
}


def slow(model, sites, ids):
    """{site: (activation, gradient)} and losses of one sequence."""
    kept, handles = {}, []

    def keep(site, tensor):
        tensor = tensor[0] if isinstance(tensor, tuple) else tensor
        tensor.retain_grad()
        kept[site] = tensor

    for site, (path, takes) in sites.items():
        module = model.get_submodule(path)
        if takes:
            handles.append(module.register_forward_pre_hook(lambda m, args, s=site: keep(s, args)))
        else:
            handles.append(module.register_forward_hook(lambda m, args, out, s=site: keep(s, out)))
    log_p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    losses = [-log_p[t, ids[t + 1]] for t in range(len(ids) - 1)]
    if losses:
        torch.stack(losses).sum().backward()
    for handle in handles:
        handle.remove()
    values = {s: (t[0].detach().numpy(), torch.zeros_like(t[0]).numpy() if t.grad is None else t.grad[0].numpy()) for s, t in kept.items()}
    return values, [float(x.detach()) for x in losses]


@pytest.fixture(scope="module", params=TWIN)
def captured(request, checkpoints, tmp_path_factory, tokenizer):
    """A capture of an architecture, made once for the tests below."""
    from ontogeny_capture.command import run

    architecture = request.param
    folder = checkpoints(architecture)
    out = tmp_path_factory.mktemp("captured") / architecture
    dataset = tmp_path_factory.mktemp("data") / "texts.jsonl"
    dataset.write_text("".join(json.dumps(r) + "\n" for r in texts()))
    sites = TWIN[architecture]
    run(
        ["--checkpoints", f"{folder}/step*", "--sites", ",".join(sites), "--dataset", str(dataset), "--tokens", "all", "--context", str(CONTEXT),
         "--gradients", "--dtype", "float32", "--labels", "topic,grade", "--shard-tokens", "100", "--batch-tokens", "40", "--out", str(out)]
    )
    return architecture, folder, out


def test_activations_gradients_and_losses_equal_those_of_direct_hooks(captured, tokenizer):
    from transformers import AutoModelForCausalLM

    architecture, folder, out = captured
    sites = TWIN[architecture]
    # The model begins anew after each CONTEXT tokens of a document.
    pieces = [(number, at, ids[at : at + CONTEXT]) for number, ids in enumerate(tokenizer(r["text"])["input_ids"] for r in texts()) for at in range(0, len(ids), CONTEXT)]
    for step in STEPS:
        model = AutoModelForCausalLM.from_pretrained(folder / f"step{step}", dtype=torch.float32)
        twin = [slow(model, sites, ids) for _, _, ids in pieces]
        for site in sites:
            found = table(out, site, step)
            assert found["document"] == [number for number, _, ids in pieces for _ in ids]
            assert found["position"] == [at + i for _, at, ids in pieces for i in range(len(ids))]
            assert found["token_id"] == [i for _, _, ids in pieces for i in ids]
            np.testing.assert_allclose(found["activation"], np.concatenate([v[site][0] for v, _ in twin]), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found["gradient"], np.concatenate([v[site][1] for v, _ in twin]), rtol=1e-3, atol=1e-5)
            wanted = [x for _, losses in twin for x in [*losses, None]]
            assert [x is None for x in found["loss"]] == [x is None for x in wanted]
            np.testing.assert_allclose([x for x in found["loss"] if x is not None], [x for x in wanted if x is not None], rtol=1e-4)
    assert np.abs(table(out, site, 0)["gradient"]).max() > 1e-3


def test_every_site_and_checkpoint_has_the_same_rows_in_the_same_order(captured):
    architecture, _, out = captured
    keys = ["document", "position", "token_id", "token", "label_special", "label_topic", "label_grade"]
    tables = [pq.read_table(f, columns=keys, partitioning=None) for s in TWIN[architecture] for c in STEPS for f in files(out, s, c)]
    parts = len(files(out, next(iter(TWIN[architecture])), 0))
    assert parts > 2
    for at, found in enumerate(tables):
        assert found.equals(tables[at % parts])


def test_labels_and_special_tokens(captured, tokenizer):
    architecture, _, out = captured
    found = table(out, next(iter(TWIN[architecture])), 20)
    rows = list(texts())
    assert found["label_topic"] == [rows[d]["topic"] for d in found["document"]]
    assert found["label_grade"] == [rows[d]["grade"] for d in found["document"]]
    assert found["label_special"] == [i == tokenizer.bos_token_id for i in found["token_id"]]
    assert sum(found["label_special"]) == len(rows)


def test_the_schema_is_what_ontogeny_reads(captured):
    architecture, _, out = captured
    parquet = pq.ParquetFile(files(out, next(iter(TWIN[architecture])), 0)[0])
    types = {f.name: f.type for f in parquet.schema_arrow}
    assert types == {
        "document": pa.int64(), "position": pa.int32(), "token_id": pa.int32(), "token": pa.string(), "label_special": pa.bool_(),
        "label_topic": pa.string(), "label_grade": pa.float64(), "loss": pa.float32(),
        "activation": pa.list_(pa.field("element", pa.float32(), nullable=False)), "gradient": pa.list_(pa.field("element", pa.float32(), nullable=False)),
    }
    assert parquet.metadata.metadata == {b"ontogeny.dtype.activation": b"float32", b"ontogeny.dtype.gradient": b"float32"}


def test_a_sequence_is_never_cut_between_files(captured):
    architecture, _, out = captured
    begun = [pq.read_table(f, columns=["document", "position"], partitioning=None).to_pydict() for f in files(out, next(iter(TWIN[architecture])), 0)]
    for part in begun:
        assert part["position"][0] % CONTEXT == 0
        assert len(part["position"]) <= 100


def test_without_gradients_the_activations_are_the_same(captured, capture, tmp_path):
    """The pass then ends at the last site, and the loss is not needed."""
    architecture, folder, out = captured
    site = list(TWIN[architecture])[1]
    plain = capture("--checkpoints", folder / "step10", "--sites", site, context=CONTEXT, batch_tokens=40, shard_tokens=100)
    found = table(plain, site, 10)
    assert set(found) == {"document", "position", "token_id", "token", "label_special", "activation"}
    np.testing.assert_array_equal(found["activation"], table(out, site, 10)["activation"])


def test_padding_and_batches_do_not_matter(captured, capture):
    architecture, folder, out = captured
    site = list(TWIN[architecture])[2]
    alone = capture("--checkpoints", folder / "step10", "--sites", site, context=CONTEXT, batch_tokens=CONTEXT)
    np.testing.assert_allclose(table(alone, site, 10)["activation"], table(out, site, 10)["activation"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_halves_are_the_rounded_float32(captured, capture, dtype):
    architecture, folder, out = captured
    site = list(TWIN[architecture])[3]
    half = capture("--checkpoints", folder / "step20", "--sites", site, context=CONTEXT, batch_tokens=40, shard_tokens=100, dtype=dtype)
    parquet = pq.ParquetFile(files(half, site, 20)[0])
    assert parquet.metadata.metadata[b"ontogeny.dtype.activation"].decode() == dtype
    assert parquet.schema_arrow.field("activation").type.value_type == {"float16": pa.float16(), "bfloat16": pa.uint16()}[dtype]
    bits = table(half, site, 20)["activation"]
    values = bits.astype(np.float32) if dtype == "float16" else (bits.astype(np.uint32) << 16).view(np.float32)
    wanted = torch.from_numpy(table(out, site, 20)["activation"]).to(getattr(torch, dtype)).float().numpy()
    np.testing.assert_array_equal(values, wanted)
