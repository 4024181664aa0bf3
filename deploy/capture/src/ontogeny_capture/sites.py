"""Where in a model a site is: TransformerLens' names by a table of architectures, and any module by its path.

To add an architecture, add an entry to FAMILIES: its `model_type` in Hugging Face's configuration, where its embedding, blocks and
last norm are, and what each hook name of a block stands for. `{n}` is the number of the block.
"""

import dataclasses
import re

from .failures import SettingsFailure, nearest


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the last dimension of what a module gives: one of three, beside each other or head by head."""

    index: int
    of: int = 3
    by_head: bool = False

    def of_tensor(self, tensor, heads):
        if self.by_head:
            split = tensor.reshape(*tensor.shape[:-1], heads, self.of, tensor.shape[-1] // (heads * self.of))
            return split[..., self.index, :].flatten(-2)
        width = tensor.shape[-1] // self.of
        return tensor[..., self.index * width : (self.index + 1) * width]


@dataclasses.dataclass(frozen=True)
class Place:
    """What a module takes (`input`) or gives (`output`); `index` chooses among several."""

    path: str
    side: str = "output"
    index: int | None = None
    part: Part | None = None


@dataclasses.dataclass(frozen=True)
class Site:
    """A site by the name that the user gave it."""

    name: str
    place: Place
    heads: int | None = None


def given(path, part=None):
    return Place(path, "output", None, part)


def taken(path):
    return Place(path, "input")


class Absent(str):
    """Why an architecture has no such place."""


# `roots`: where the body of the model is, below the class with a head on top and in the body itself.
GATED = {
    "hook_resid_pre": taken("layers.{n}"),
    "hook_resid_mid": taken("layers.{n}.post_attention_layernorm"),
    "hook_resid_post": given("layers.{n}"),
    "hook_attn_out": given("layers.{n}.self_attn"),
    "hook_mlp_out": given("layers.{n}.mlp"),
    "ln1.hook_out": given("layers.{n}.input_layernorm"),
    "ln2.hook_out": given("layers.{n}.post_attention_layernorm"),
    "attn.hook_q": given("layers.{n}.self_attn.q_proj"),
    "attn.hook_k": given("layers.{n}.self_attn.k_proj"),
    "attn.hook_v": given("layers.{n}.self_attn.v_proj"),
    "attn.hook_z": taken("layers.{n}.self_attn.o_proj"),
    "mlp.hook_pre": given("layers.{n}.mlp.gate_proj"),
    "mlp.hook_pre_linear": given("layers.{n}.mlp.up_proj"),
    "mlp.hook_post": taken("layers.{n}.mlp.down_proj"),
}
LLAMA = {
    "roots": ("model", ""),
    "blocks": "layers",
    "model": {"hook_embed": given("embed_tokens"), "ln_final.hook_out": given("norm")},
    "block": GATED,
}
# What attention and MLP give is normed once more before it is added to the residual stream: the sites are what is added, as in TransformerLens.
SANDWICHED = {
    **GATED,
    "hook_attn_out": given("layers.{n}.post_attention_layernorm"),
    "hook_mlp_out": given("layers.{n}.post_feedforward_layernorm"),
}
UNNORMED = Absent("attention and MLP read the residual stream without a norm before them")
OLMO2 = {
    **LLAMA,
    "block": {**SANDWICHED, "hook_resid_mid": taken("layers.{n}.mlp"), "ln1.hook_out": UNNORMED, "ln2.hook_out": UNNORMED},
}
# Gemma scales its embedding; older versions of transformers do so outside of the module.
GEMMA = {**LLAMA, "model": {**LLAMA["model"], "hook_embed": taken("layers.0")}}
GEMMA2 = {
    **GEMMA,
    "block": {
        **SANDWICHED,
        "hook_resid_mid": taken("layers.{n}.pre_feedforward_layernorm"),
        "ln2.hook_out": given("layers.{n}.pre_feedforward_layernorm"),
    },
}

FAMILIES = {
    "gpt2": {
        "roots": ("transformer", ""),
        "blocks": "h",
        "model": {"hook_embed": given("wte"), "ln_final.hook_out": given("ln_f")},
        "block": {
            "hook_resid_pre": taken("h.{n}"),
            "hook_resid_mid": taken("h.{n}.ln_2"),
            "hook_resid_post": given("h.{n}"),
            "hook_attn_out": given("h.{n}.attn"),
            "hook_mlp_out": given("h.{n}.mlp"),
            "ln1.hook_out": given("h.{n}.ln_1"),
            "ln2.hook_out": given("h.{n}.ln_2"),
            "attn.hook_q": given("h.{n}.attn.c_attn", Part(0)),
            "attn.hook_k": given("h.{n}.attn.c_attn", Part(1)),
            "attn.hook_v": given("h.{n}.attn.c_attn", Part(2)),
            "attn.hook_z": taken("h.{n}.attn.c_proj"),
            "mlp.hook_pre": given("h.{n}.mlp.c_fc"),
            "mlp.hook_post": taken("h.{n}.mlp.c_proj"),
        },
    },
    "gpt_neox": {
        "roots": ("gpt_neox", ""),
        "blocks": "layers",
        "model": {"hook_embed": given("embed_in"), "ln_final.hook_out": given("final_layer_norm")},
        "block": {
            "hook_resid_pre": taken("layers.{n}"),
            "hook_resid_mid": lambda config: (
                Absent("attention and MLP are parallel in this model (use_parallel_residual): both read hook_resid_pre")
                if getattr(config, "use_parallel_residual", True)
                else taken("layers.{n}.post_attention_layernorm")
            ),
            "hook_resid_post": given("layers.{n}"),
            "hook_attn_out": given("layers.{n}.attention"),
            "hook_mlp_out": given("layers.{n}.mlp"),
            "ln1.hook_out": given("layers.{n}.input_layernorm"),
            "ln2.hook_out": given("layers.{n}.post_attention_layernorm"),
            "attn.hook_q": given("layers.{n}.attention.query_key_value", Part(0, by_head=True)),
            "attn.hook_k": given("layers.{n}.attention.query_key_value", Part(1, by_head=True)),
            "attn.hook_v": given("layers.{n}.attention.query_key_value", Part(2, by_head=True)),
            "attn.hook_z": taken("layers.{n}.attention.dense"),
            "mlp.hook_pre": given("layers.{n}.mlp.dense_h_to_4h"),
            "mlp.hook_post": taken("layers.{n}.mlp.dense_4h_to_h"),
        },
    },
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "olmo": LLAMA,
    "olmo2": OLMO2,
    "olmo3": OLMO2,
    "gemma": GEMMA,
    "gemma2": GEMMA2,
    "gemma3_text": GEMMA2,
    "gemma3": {**GEMMA2, "roots": ("model.language_model", "language_model", "model", "")},
}

BLOCK = re.compile(r"blocks\.(\d+|\*)\.(.+)")
MODULE = re.compile(r"module:(.+?)(?:\.(input|output)(?:\[(\d+)\])?)?")
ELSE = "any module works as module:PATH[.input|.output[i]]"


def resolve(names, model):
    """The sites of names such as blocks.3.hook_resid_post or blocks.*.mlp.hook_post in a model; every problem is told at once."""
    sites, problems = [], []
    for name in names:
        try:
            sites += module_site(name, model) if name.startswith("module:") else named_sites(name, model)
        except SettingsFailure as failure:
            problems.append(str(failure))
    if problems:
        raise SettingsFailure("; ".join(problems))
    repeated = sorted({s.name for s in sites if sum(t.name == s.name for t in sites) > 1})
    if repeated:
        raise SettingsFailure(f"--sites has {', '.join(repeated)} more than once")
    return sites


def module_site(name, model):
    match = MODULE.fullmatch(name)
    if match is None:
        raise SettingsFailure(f"site {name} is not of the form module:PATH[.input|.output[i]]")
    path, side, index = match[1], match[2] or "output", match[3]
    if not has_module(model, path):
        raise SettingsFailure(f"site {name}: the model has no module {path}: {nearest_module(path, model)}")
    return [Site(name, Place(path, side, None if index is None else int(index)))]


def has_module(model, path):
    try:
        model.get_submodule(path)
        return True
    except AttributeError:
        return False


def nearest_module(path, model):
    """Follows a path as far as it goes and tells what is there."""
    found, module = [], model
    for step in path.split("."):
        children = dict(module.named_children())
        if step not in children:
            where = ".".join(found) or "the model"
            return f"in {where} {nearest(step, children)}"
        found.append(step)
        module = children[step]
    return ""


def named_sites(name, model):
    config = getattr(model, "config", None)
    kind = getattr(config, "model_type", None)
    if kind not in FAMILIES:
        what = f"the architecture {kind}" if kind else f"a {type(model).__name__}, which has no config.model_type,"
        raise SettingsFailure(
            f"site {name}: there are no hook names for {what}; there are for {', '.join(FAMILIES)}; {ELSE}"
        )
    family = FAMILIES[kind]
    root = next((r for r in family["roots"] if has_module(model, join(r, family["blocks"]))), None)
    if root is None:
        raise SettingsFailure(
            f"site {name}: this {type(model).__name__} has no blocks at "
            f"{' or '.join(join(r, family['blocks']) for r in family['roots'])}, as models of type {kind} have; {ELSE}"
        )
    config = getattr(config, "text_config", config)
    heads = getattr(config, "num_attention_heads", None)
    if name in family["model"]:
        return [Site(name, below(root, family["model"][name], kind, name, config), heads)]
    match = BLOCK.fullmatch(name)
    if match is None or match[2] not in family["block"]:
        every = [*family["model"], *(f"blocks.{match[1] if match else 'N'}.{h}" for h in family["block"])]
        raise SettingsFailure(f"site {name} is not known for {kind}: {nearest(name, every, len(every))}; {ELSE}")
    blocks = len(model.get_submodule(join(root, family["blocks"])))
    numbers = range(blocks) if match[1] == "*" else [int(match[1])]
    if numbers and numbers[-1] >= blocks:
        raise SettingsFailure(f"site {name}: the model has the blocks 0 to {blocks - 1}")
    return [
        Site(f"blocks.{n}.{match[2]}", below(root, family["block"][match[2]], kind, name, config, n), heads)
        for n in numbers
    ]


def below(root, place, kind, name, config, block=None):
    if callable(place):
        place = place(config)
    if isinstance(place, Absent):
        raise SettingsFailure(f"site {name} does not exist in this {kind}: {place}")
    return dataclasses.replace(place, path=join(root, place.path.replace("{n}", str(block))))


def join(root, path):
    return f"{root}.{path}" if root else path
