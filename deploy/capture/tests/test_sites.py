"""Every hook name of every architecture: what it is must follow from the model's weights and from the other sites."""

import pytest
import torch
from conftest import ARCHITECTURES, HEADS, POSITIONS, VOCABULARY, WIDTH, random_model
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from ontogeny_capture.failures import SettingsFailure
from ontogeny_capture.runner import Item, Runner
from ontogeny_capture.sequences import Sequence
from ontogeny_capture.sites import FAMILIES, Absent, resolve

PARALLEL = {"gpt_neox"}
UNNORMED = {"olmo2", "olmo3"}
SANDWICHED = {"olmo2", "olmo3", "gemma2", "gemma3_text", "gemma3"}
IDS = torch.randint(1, VOCABULARY - 8, (2, POSITIONS // 2), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def captured(request):
    """(architecture, model, {site: [rows, width]}) with all sites that exist."""
    name = request.param
    if ARCHITECTURES[name][0] not in CONFIG_MAPPING:
        pytest.skip("not in this version of transformers")
    model = random_model(name)
    family = FAMILIES[model.config.model_type]
    names = [*family["model"], *(f"blocks.{n}.{hook}" for n in (0, 1) for hook in family["block"])]
    absent = []
    for site in list(names):
        try:
            resolve([site], model)
        except SettingsFailure as failure:
            assert "does not exist" in str(failure)
            absent.append(site)
    sites = resolve([n for n in names if n not in absent], model)
    items = [Item(Sequence(i, 0, IDS.shape[1], token_ids=ids.tolist()), i * IDS.shape[1]) for i, ids in enumerate(IDS)]
    with Runner(model, sites, torch.device("cpu"), "float32", gradients=False, with_loss=False) as runner:
        found = runner.run(items).activations
    return name, model, {site: torch.from_numpy(values) for site, values in found.items()}, absent


def block(model, n):
    layers = next(m for name, m in model.named_modules() if name.rpartition(".")[2] in ("layers", "h") and "vision" not in name)
    return layers[n]


def attention(module):
    return next(m for name, m in module.named_children() if name in ("attn", "attention", "self_attn"))


def child(module, *names):
    return next(getattr(module, n) for n in names if hasattr(module, n))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_only_what_an_architecture_lacks_is_absent(captured):
    name, _, _, absent = captured
    wanted = {f"blocks.{n}.hook_resid_mid" for n in (0, 1)} if name in PARALLEL else set()
    if name in UNNORMED:
        wanted = {f"blocks.{n}.ln{i}.hook_out" for n in (0, 1) for i in (1, 2)}
    assert set(absent) == wanted


def test_the_residual_stream_is_what_the_model_tells_as_hidden_states(captured):
    name, model, found, _ = captured
    with torch.no_grad():
        output = model(input_ids=IDS, output_hidden_states=True)
    states = [s.flatten(0, 1) for s in output.hidden_states]
    close(found["blocks.0.hook_resid_pre"], states[0])
    close(found["blocks.0.hook_resid_post"], states[1])
    close(found["blocks.1.hook_resid_pre"], states[1])
    close(found["ln_final.hook_out"], states[2])
    if name != "gpt2":  # whose positions are added to it
        close(found["hook_embed"], states[0])


@pytest.mark.parametrize("n", (0, 1))
def test_the_residual_stream_is_a_sum(captured, n):
    name, _, found, _ = captured
    pre, post = found[f"blocks.{n}.hook_resid_pre"], found[f"blocks.{n}.hook_resid_post"]
    attn, mlp = found[f"blocks.{n}.hook_attn_out"], found[f"blocks.{n}.hook_mlp_out"]
    close(post, pre + attn + mlp)
    if name not in PARALLEL:
        close(found[f"blocks.{n}.hook_resid_mid"], pre + attn)
    assert min(pre.abs().max(), attn.abs().max(), mlp.abs().max()) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("n", (0, 1))
def test_hook_z_is_what_the_output_projection_takes(captured, n):
    name, model, found, _ = captured
    layer = block(model, n)
    out = child(attention(layer), "c_proj", "dense", "o_proj")(found[f"blocks.{n}.attn.hook_z"])
    if name in SANDWICHED:
        out = layer.post_attention_layernorm(out)
    close(found[f"blocks.{n}.hook_attn_out"], out)


@torch.no_grad()
@pytest.mark.parametrize("n", (0, 1))
def test_the_mlp_from_end_to_end(captured, n):
    name, model, found, _ = captured
    layer = block(model, n)
    pre, post = found[f"blocks.{n}.mlp.hook_pre"], found[f"blocks.{n}.mlp.hook_post"]
    hidden = child(layer.mlp, "act_fn", "act")(pre)
    if f"blocks.{n}.mlp.hook_pre_linear" in found:
        hidden = hidden * found[f"blocks.{n}.mlp.hook_pre_linear"]
    close(post, hidden)
    out = child(layer.mlp, "c_proj", "dense_4h_to_h", "down_proj")(post)
    if name in SANDWICHED:
        out = layer.post_feedforward_layernorm(out)
    close(found[f"blocks.{n}.hook_mlp_out"], out)


@torch.no_grad()
@pytest.mark.parametrize("n", (0, 1))
def test_queries_keys_and_values_by_their_own_weights(captured, n):
    name, model, found, _ = captured
    attn = attention(block(model, n))
    source = found[f"blocks.{n}.hook_resid_pre" if name in UNNORMED else f"blocks.{n}.ln1.hook_out"]
    for at, letter in enumerate("qkv"):
        if name == "gpt2":
            columns = slice(at * WIDTH, (at + 1) * WIDTH)
            wanted = source @ attn.c_attn.weight[:, columns] + attn.c_attn.bias[columns]
        elif name.startswith("gpt_neox"):
            # [head, query|key|value, of the head, input]
            weight = attn.query_key_value.weight.reshape(HEADS, 3, WIDTH // HEADS, WIDTH)[:, at].flatten(0, 1)
            wanted = source @ weight.T + attn.query_key_value.bias.reshape(HEADS, 3, WIDTH // HEADS)[:, at].flatten()
        else:
            wanted = getattr(attn, f"{letter}_proj")(source)
        close(found[f"blocks.{n}.attn.hook_{letter}"], wanted)


@torch.no_grad()
@pytest.mark.parametrize("n", (0, 1))
def test_norms(captured, n):
    name, model, found, _ = captured
    if name in UNNORMED:
        pytest.skip("has none")
    layer = block(model, n)
    first = child(layer, "ln_1", "input_layernorm")
    second = child(layer, "ln_2", "pre_feedforward_layernorm", "post_attention_layernorm")
    close(found[f"blocks.{n}.ln1.hook_out"], first(found[f"blocks.{n}.hook_resid_pre"]))
    mid = "hook_resid_pre" if name in PARALLEL else "hook_resid_mid"
    close(found[f"blocks.{n}.ln2.hook_out"], second(found[f"blocks.{n}.{mid}"]))


def test_every_family_is_tested():
    assert {kind for kind, _ in ARCHITECTURES.values()} == set(FAMILIES)
    assert isinstance(FAMILIES["olmo2"]["block"]["ln1.hook_out"], Absent)


def test_stars_stand_for_all_blocks_and_parts_of_one_tensor_are_told_apart():
    model = random_model("gpt2")
    sites = resolve(["blocks.*.hook_resid_post", "blocks.1.attn.hook_q", "blocks.1.attn.hook_k", "module:transformer.h.0.mlp.c_fc.input"], model)
    assert [s.name for s in sites] == [
        "blocks.0.hook_resid_post", "blocks.1.hook_resid_post", "blocks.1.attn.hook_q", "blocks.1.attn.hook_k", "module:transformer.h.0.mlp.c_fc.input",
    ]


@pytest.mark.parametrize(
    "names, told",
    [
        (["blocks.2.hook_resid_post"], "the model has the blocks 0 to 1"),
        (["blocks.0.hook_resid_pots"], "did you mean blocks.0.hook_resid_post?"),
        (["blocks.0.hook_resid_post", "blocks.*.hook_resid_post"], "blocks.0.hook_resid_post more than once"),
        (["module:transformer.h.7"], "in transformer.h there are 0, 1"),
        (["module:"], "module:PATH"),
    ],
)
def test_wrong_sites_tell_the_right_ones(names, told):
    with pytest.raises(SettingsFailure, match=told.replace("?", r"\?")):
        resolve(names, random_model("gpt2"))
